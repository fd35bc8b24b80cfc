//! What stands between the exporter and the simulator: passes everything on, or answers for two endpoints itself, badly.
//! The simulator's own faults are its own business; here is what no slurmrestd does, but whoever answers in its place may.

use std::net::SocketAddr;
use std::sync::{Arc, LazyLock, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;

/// The endpoints whose answers are bad.
pub(super) const STRUCK: [&str; 2] = ["nodes", "jobs"];

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n";

/// Rows of the answer with too many names; each row has names of its own for user, account and partition.
const NAMED_ROWS: u32 = 3_400_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hostile {
    /// Blanks for ever.
    EndlessBody,
    /// One text that never ends.
    HugeString,
    /// Lists in lists in lists.
    DeepNesting,
    /// Six gigabytes of blanks in six megabytes, which nobody asked to be compressed.
    GzipBomb,
    /// Ten million names, none like another.
    ManyLabels,
    /// A byte at a time.
    SlowDrip,
    /// The connection is accepted, then nothing.
    HalfOpen,
}

impl Hostile {
    pub(super) const ALL: [Self; 7] = [
        Self::EndlessBody,
        Self::HugeString,
        Self::DeepNesting,
        Self::GzipBomb,
        Self::ManyLabels,
        Self::SlowDrip,
        Self::HalfOpen,
    ];
}

/// Four megabytes of blanks as a gzip member.
static BLANKS: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    std::io::Write::write_all(&mut encoder, &vec![b' '; 4 << 20]).expect("memory takes it");
    encoder.finish().expect("memory takes it")
});

/// A running front; its threads end when it is dropped.
pub(super) struct Front {
    address: SocketAddr,
    hostile: Arc<Mutex<Option<Hostile>>>,
    _runtime: Runtime,
}

impl Front {
    pub(super) fn start(behind: &str) -> Self {
        let runtime = Runtime::new().expect("a runtime starts");
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).expect("loopback has a free port");
        let address = listener.local_addr().expect("it is bound");
        let hostile = Arc::new(Mutex::new(None));
        // Ahead of the first request for them, which has a time-out.
        LazyLock::force(&BLANKS);
        let (mode, behind) = (Arc::clone(&hostile), behind.to_owned());
        runtime.spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let (mode, behind) = (Arc::clone(&mode), behind.clone());
                // A client that goes away in the middle is what is expected here.
                tokio::spawn(async move { serve(client, &mode, &behind).await.ok() });
            }
        });
        Self { address, hostile, _runtime: runtime }
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(super) fn set(&self, hostile: Option<Hostile>) {
        *self.hostile.lock().expect("nobody panics with it") = hostile;
    }
}

async fn serve(mut client: TcpStream, mode: &Mutex<Option<Hostile>>, behind: &str) -> std::io::Result<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(client.read_u8().await?);
    }
    let path = String::from_utf8_lossy(&head).split(' ').nth(1).unwrap_or_default().to_owned();
    let path = path.split('?').next().unwrap_or_default();
    let endpoint = STRUCK.into_iter().find(|name| path.ends_with(&format!("/{name}")));
    let hostile = *mode.lock().expect("nobody panics with it");
    if let (Some(hostile), Some(endpoint)) = (hostile, endpoint) {
        return answer(client, hostile, endpoint).await;
    }
    let mut server = TcpStream::connect(behind).await?;
    server.write_all(&head).await?;
    copy_bidirectional(&mut client, &mut server).await?;
    Ok(())
}

/// Writes until the client has had enough.
async fn answer(mut client: TcpStream, hostile: Hostile, endpoint: &str) -> std::io::Result<()> {
    let begin = format!("{OK}\r\n{{\"{endpoint}\": [");
    let mut repeat = async |start: &str, part: &[u8]| -> std::io::Result<()> {
        client.write_all(start.as_bytes()).await?;
        loop {
            client.write_all(part).await?;
        }
    };
    match hostile {
        Hostile::EndlessBody => repeat(&begin, &[b' '; 64 << 10]).await,
        Hostile::HugeString => repeat(&format!("{begin}{{\"name\": \""), &[b'a'; 64 << 10]).await,
        Hostile::DeepNesting => repeat(&format!("{begin}{{\"x\": "), &[b'['; 64 << 10]).await,
        Hostile::GzipBomb => {
            client.write_all(format!("{OK}Content-Encoding: gzip\r\n\r\n").as_bytes()).await?;
            for _ in 0..1500 {
                client.write_all(&BLANKS).await?;
            }
            client.shutdown().await
        }
        Hostile::ManyLabels => {
            client.write_all(begin.as_bytes()).await?;
            let mut part = String::new();
            for row in 0..NAMED_ROWS {
                part.push_str(if row == 0 { "" } else { "," });
                part.push_str(&named_row(endpoint, row));
                if part.len() > 64 << 10 {
                    client.write_all(part.as_bytes()).await?;
                    part.clear();
                }
            }
            part.push_str("]}");
            client.write_all(part.as_bytes()).await?;
            client.shutdown().await
        }
        Hostile::SlowDrip => {
            client.write_all(begin.as_bytes()).await?;
            loop {
                client.write_all(b" ").await?;
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
        Hostile::HalfOpen => {
            // Completes when the client goes away.
            client.read_u8().await?;
            Ok(())
        }
    }
}

fn named_row(endpoint: &str, row: u32) -> String {
    match endpoint {
        "nodes" => format!(
            "{{\"name\":\"n{row}\",\"state\":[\"IDLE\"],\"cpus\":1,\"alloc_cpus\":0,\"real_memory\":1,\
             \"alloc_memory\":0,\"partitions\":[\"p{row}\"],\"gres\":\"\",\"gres_used\":\"\",\"reason\":\"r{row}\"}}"
        ),
        _ => format!(
            "{{\"job_id\":{row},\"job_state\":[\"PENDING\"],\"cpus\":1,\"node_count\":1,\"tres_req_str\":\"\",\"tres_alloc_str\":\"\",\
             \"partition\":\"p{row}\",\"user_name\":\"u{row}\",\
             \"account\":\"a{row}\"}}"
        ),
    }
}
