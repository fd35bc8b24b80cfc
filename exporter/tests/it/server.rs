//! The exporter's own port over real sockets: answers, limits, the order of closing, the orderly end.
//! Every wait has an event; `DEADLINE` only turns a hang into a failure.

use std::{
    future::Future,
    io::{self, Read},
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use exporter::{
    exposition::{Batch, Desc, Kind, Level, Names, Publisher, Unit},
    server::{Limits, Readiness, Scrape, ServerState, routes, serve},
};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpSocket, TcpStream},
    sync::oneshot,
    task::JoinHandle,
};

const DEADLINE: Duration = Duration::from_secs(60);

static NODES: Desc = Desc {
    name: "nodes",
    help: "Nodes.",
    kind: Kind::Gauge,
    unit: Unit::None,
    labels: &["name"],
    level: Level::Important,
};

struct Server {
    address: SocketAddr,
    ready: Arc<AtomicBool>,
    scrapes: Arc<Mutex<Vec<Scrape>>>,
    page: Vec<u8>,
    stop: oneshot::Sender<()>,
    running: JoinHandle<io::Result<()>>,
}

/// A server whose page has one label value of `padding` bytes.
async fn start(padding: usize, limits: Limits) -> Server {
    let publisher = Arc::new(Publisher::new(Names::default()));
    let mut batch = Batch::new("nodes", Some("a"));
    batch.family(&NODES).sample(&["n1"], 1_u64);
    batch.family(&NODES).sample(&["x".repeat(padding).as_str()], 2_u64);
    publisher.replace([batch]);
    let page = publisher.page().identity().concat();
    let ready = Arc::new(AtomicBool::new(true));
    let scrapes = Arc::new(Mutex::new(Vec::new()));
    let (is_ready, seen) = (ready.clone(), scrapes.clone());
    let state = ServerState {
        publisher,
        legacy: Arc::default(),
        ready: Arc::new(move || Readiness {
            ready: is_ready.load(Ordering::Relaxed),
            endpoints: vec!["nodes: up".to_owned(), "jobs: never polled".to_owned()],
        }),
        on_scrape: Arc::new(move |scrape| seen.lock().unwrap().push(*scrape)),
        config: Arc::new(|| "a.b: 1  # default\n".to_owned()),
        version: "test <1>".to_owned(),
        metrics_path: "/metrics".to_owned(),
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel();
    let running = tokio::spawn(serve(listener, routes(state), limits, async { drop(stopped.await) }));
    Server { address, ready, scrapes, page, stop, running }
}

impl Server {
    async fn client(&self) -> Client {
        Client(BufReader::new(TcpStream::connect(self.address).await.unwrap()))
    }

    /// A client whose kernel takes only a few kilobytes that it does not read.
    async fn slow_reader(&self) -> Client {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(4096).unwrap();
        let mut client = Client(BufReader::new(socket.connect(self.address).await.unwrap()));
        client.send("GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n").await;
        // The first byte says that the answer is in flight.
        within(client.0.fill_buf()).await.unwrap();
        client
    }

    async fn stop(self) {
        self.stop.send(()).unwrap();
        within(self.running).await.unwrap().unwrap();
    }
}

struct Client(BufReader<TcpStream>);

struct Reply {
    status: u16,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Reply {
    fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }
}

impl Client {
    async fn send(&mut self, bytes: &str) {
        self.0.write_all(bytes.as_bytes()).await.unwrap();
    }

    async fn request(&mut self, method: &str, path: &str, headers: &str) -> Reply {
        self.send(&format!("{method} {path} HTTP/1.1\r\nHost: a\r\n{headers}\r\n")).await;
        self.reply(method != "HEAD").await.unwrap()
    }

    async fn get(&mut self, path: &str) -> Reply {
        self.request("GET", path, "").await
    }

    async fn reply(&mut self, with_body: bool) -> io::Result<Reply> {
        within(async {
            let mut lines = Vec::new();
            loop {
                let mut line = String::new();
                if self.0.read_line(&mut line).await? == 0 {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
                match line.trim_end() {
                    "" => break,
                    line => lines.push(line.to_owned()),
                }
            }
            let status = lines[0].split(' ').nth(1).unwrap().parse().unwrap();
            let split = |line: &String| line.split_once(": ").map(|(k, v)| (k.to_lowercase(), v.to_owned()));
            let headers: Vec<_> = lines[1..].iter().filter_map(split).collect();
            let mut reply = Reply { status, headers, body: Vec::new() };
            if with_body {
                reply.body.resize(reply.header("content-length").unwrap().parse().unwrap(), 0);
                self.0.read_exact(&mut reply.body).await?;
            }
            Ok(reply)
        })
        .await
    }

    /// Bytes until the server closes or resets the connection.
    async fn until_closed(&mut self) -> usize {
        let mut rest = Vec::new();
        drop(within(self.0.read_to_end(&mut rest)).await);
        rest.len()
    }
}

async fn within<F: Future>(future: F) -> F::Output {
    tokio::time::timeout(DEADLINE, future).await.expect("the deadline is generous")
}

fn gunzip(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    flate2::read::GzDecoder::new(bytes).read_to_end(&mut out).unwrap();
    out
}

#[tokio::test]
async fn metrics_are_identity_or_gzip_as_accepted_and_head_has_the_same_headers() {
    let server = start(10, Limits::default()).await;
    let mut client = server.client().await;
    let identity = client.get("/metrics").await;
    assert_eq!((identity.status, &identity.body), (200, &server.page));
    assert_eq!(identity.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
    assert_eq!(
        (identity.header("vary"), identity.header("content-encoding")),
        (Some("Accept, Accept-Encoding"), None)
    );
    let gzip = client.request("GET", "/metrics", "Accept-Encoding: br, gzip;q=0.5\r\n").await;
    assert_eq!(
        (gzip.header("content-encoding"), gzip.header("vary")),
        (Some("gzip"), Some("Accept, Accept-Encoding"))
    );
    assert_eq!(gunzip(&gzip.body), server.page);
    let refused = client.request("GET", "/metrics", "Accept-Encoding: gzip;q=0\r\n").await;
    assert_eq!(refused.body, server.page);
    let head = client.request("HEAD", "/metrics", "Accept-Encoding: gzip\r\n").await;
    assert_eq!(head.header("content-length").unwrap(), gzip.body.len().to_string());
    // The next answer on the same connection shows that HEAD sent no body.
    assert_eq!(client.get("/health").await.text(), "ok\n");
    let seen: Vec<(u16, bool)> =
        server.scrapes.lock().unwrap().iter().map(|scrape| (scrape.status.as_u16(), scrape.gzip)).collect();
    assert_eq!(seen, [(200, false), (200, true), (200, false), (200, true)]);
    server.stop().await;
}

#[tokio::test]
async fn openmetrics_is_served_to_who_accepts_it_from_the_first_request_on() {
    let server = start(10, Limits::default()).await;
    let accept =
        "Accept: application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5,*/*;q=0.1\r\n";
    let text = std::str::from_utf8(&server.page).unwrap();
    let expected = text.replacen(
        "# HELP nodes Nodes.\n# TYPE nodes gauge\n",
        "# TYPE nodes gauge\n# HELP nodes Nodes.\n",
        1,
    ) + "# EOF\n";
    let mut client = server.client().await;
    for _ in 0..2 {
        let identity = client.request("GET", "/metrics", accept).await;
        assert_eq!(identity.text(), expected);
        let content_type = "application/openmetrics-text; version=1.0.0; charset=utf-8";
        assert_eq!(identity.header("content-type"), Some(content_type));
        let gzip = client.request("GET", "/metrics", &format!("{accept}Accept-Encoding: gzip\r\n")).await;
        assert_eq!(gunzip(&gzip.body), expected.as_bytes());
    }
    let selected = client.request("GET", "/metrics?collect[]=nodes&cluster=a", accept).await;
    assert_eq!(selected.text(), expected);
    let refused = client.request("GET", "/metrics?cluster=b", accept).await;
    assert_eq!((refused.status, refused.text()), (400, "unknown cluster \"b\" (known: a)\n"));
    assert_eq!(client.get("/metrics").await.text(), text, "others still get text");
    server.stop().await;
}

#[tokio::test]
async fn other_requests_have_one_clear_line() {
    let server = start(10, Limits::default()).await;
    for (method, path, headers, status, text) in [
        ("GET", "/nothing", "", 404, "no such page\n"),
        ("GET", "/metrics/", "", 404, "no such page\n"),
        ("POST", "/metrics", "", 405, "only GET and HEAD\n"),
        ("DELETE", "/health", "", 405, "only GET and HEAD\n"),
        ("DELETE", "/nothing", "", 404, "no such page\n"),
        ("GET", "/metrics?collect[]=nope", "", 400, "unknown collector \"nope\" (known: nodes)\n"),
        ("GET", "/metrics?cluster=b", "", 400, "unknown cluster \"b\" (known: a)\n"),
        ("GET", "/health", "", 200, "ok\n"),
        ("GET", "/-/healthy", "", 200, "ok\n"),
        ("GET", "/config", "", 200, "a.b: 1  # default\n"),
        ("GET", "/metrics", "Content-Length: 5\r\n", 413, "requests carry no body here\n"),
        ("GET", "/health", "Transfer-Encoding: chunked\r\n", 413, "requests carry no body here\n"),
    ] {
        let reply = server.client().await.request(method, path, headers).await;
        assert_eq!((reply.status, reply.text()), (status, text), "{method} {path} {headers}");
    }
    let selected = server.client().await.get("/metrics?collect[]=nodes&cluster=a").await;
    assert_eq!(selected.body, server.page);
    let selected =
        server.client().await.request("GET", "/metrics?cluster=a", "Accept-Encoding: gzip\r\n").await;
    assert_eq!(gunzip(&selected.body), server.page);
    let landing = server.client().await.get("/").await;
    assert!(landing.text().contains("test &lt;1&gt;") && landing.text().contains("href=\"/metrics\""));
    let huge =
        server.client().await.request("GET", "/health", &format!("X: {}\r\n", "x".repeat(20_000))).await;
    assert_eq!(huge.status, 431);
    server.stop().await;
}

#[tokio::test]
async fn ready_is_503_until_it_is_and_lists_the_endpoints() {
    let server = start(10, Limits::default()).await;
    let mut client = server.client().await;
    server.ready.store(false, Ordering::Relaxed);
    for path in ["/ready", "/-/ready"] {
        let reply = client.get(path).await;
        assert_eq!((reply.status, reply.text()), (503, "not ready\nnodes: up\njobs: never polled\n"));
    }
    server.ready.store(true, Ordering::Relaxed);
    let reply = client.get("/ready").await;
    assert_eq!((reply.status, reply.text()), (200, "ready\nnodes: up\njobs: never polled\n"));
    server.stop().await;
}

#[tokio::test]
async fn pipelined_requests_are_answered_in_order() {
    let server = start(10, Limits::default()).await;
    let mut client = server.client().await;
    let request = |path: &str| format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n");
    client.send(&(request("/metrics") + &request("/health") + &request("/no") + &request("/metrics"))).await;
    for (status, body) in
        [(200, server.page.as_slice()), (200, b"ok\n"), (404, b"no such page\n"), (200, &server.page)]
    {
        let reply = client.reply(true).await.unwrap();
        assert_eq!((reply.status, reply.body.as_slice()), (status, body));
    }
    server.stop().await;
}

#[tokio::test]
async fn a_client_that_shuts_its_sending_side_is_answered_then_closed() {
    let server = start(10, Limits::default()).await;
    let mut client = server.client().await;
    client.send("GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n").await;
    client.0.shutdown().await.unwrap();
    assert_eq!(client.reply(true).await.unwrap().body, server.page);
    assert_eq!(client.until_closed().await, 0);
    server.stop().await;
}

#[tokio::test]
async fn a_slow_header_is_cut_while_others_are_served() {
    let limits = Limits { header_timeout: Duration::from_millis(300), ..Limits::default() };
    let server = start(10, limits).await;
    let mut kept_alive = server.client().await;
    kept_alive.get("/health").await;
    let mut silent = server.client().await;
    let mut partial = server.client().await;
    partial.send("GET /metrics HT").await;
    let mut second = server.client().await;
    second.get("/health").await;
    second.send("GET /metrics HTTP/1.1\r\nHo").await;
    for slow in [&mut silent, &mut partial, &mut second] {
        let mut cut = std::pin::pin!(slow.until_closed());
        loop {
            tokio::select! {
                biased;
                bytes = &mut cut => break assert_eq!(bytes, 0),
                reply = async { server.client().await.get("/metrics").await } => assert_eq!(reply.status, 200),
            }
        }
    }
    // Silence between two requests is not a slow header.
    assert_eq!(kept_alive.get("/metrics").await.body, server.page);
    server.stop().await;
}

#[tokio::test]
async fn a_reader_that_takes_nothing_is_cut() {
    let limits = Limits { write_timeout: Duration::from_millis(300), ..Limits::default() };
    let server = start(16 << 20, limits).await;
    let mut reader = server.slow_reader().await;
    // The server needs no read of ours to notice, and a reset leaves nothing of 16 MiB to read later.
    within(async {
        while reader.0.get_ref().take_error().unwrap().is_none() {
            tokio::task::yield_now().await;
        }
    })
    .await;
    assert!(reader.until_closed().await < server.page.len());
    server.stop().await;
}

#[tokio::test]
async fn at_the_cap_the_oldest_without_a_request_then_the_idle_one_goes() {
    let server = start(16 << 20, Limits { max_connections: 4, ..Limits::default() }).await;
    let mut reading = server.slow_reader().await;
    let mut idle = server.client().await;
    idle.get("/health").await;
    let mut silent = server.client().await;
    let mut partial = server.client().await;
    partial.send("GET /").await;
    let mut newcomers = Vec::new();
    for victim in [&mut silent, &mut partial, &mut idle] {
        newcomers.push(server.slow_reader().await);
        assert_eq!(victim.until_closed().await, 0);
    }
    for newcomer in &mut newcomers {
        assert_eq!(newcomer.reply(true).await.unwrap().body, server.page);
    }
    assert_eq!(reading.reply(true).await.unwrap().body, server.page);
    server.stop().await;
}

#[tokio::test]
async fn more_clients_than_slots_take_turns_without_an_error() {
    let server = start(1 << 10, Limits { max_connections: 8, ..Limits::default() }).await;
    // As many as are kept, and then more, each of which is told that its connection ends.
    let mut kept = Vec::new();
    for _ in 0..5 {
        let mut client = server.client().await;
        assert_eq!(client.get("/health").await.header("connection"), None);
        kept.push(client);
    }
    for _ in 0..20 {
        let mut client = server.client().await;
        assert_eq!(client.get("/health").await.header("connection"), Some("close"));
        assert_eq!(client.until_closed().await, 0);
    }
    for client in &mut kept {
        assert_eq!(client.get("/health").await.text(), "ok\n");
    }
    server.stop().await;
}

#[tokio::test]
async fn when_all_are_reading_the_slowest_goes_and_never_the_newcomer() {
    let server = start(16 << 20, Limits { max_connections: 2, ..Limits::default() }).await;
    let mut slowest = server.slow_reader().await;
    let mut slow = server.slow_reader().await;
    let mut newcomer = server.client().await;
    assert_eq!(newcomer.get("/health").await.text(), "ok\n");
    assert!(slowest.until_closed().await < server.page.len());
    assert_eq!(slow.reply(true).await.unwrap().body, server.page);
    server.stop().await;
}

#[tokio::test]
async fn a_newcomer_has_time_to_ask_while_slow_readers_hold_the_slots() {
    let limits =
        Limits { max_connections: 8, header_timeout: Duration::from_secs(3600), ..Limits::default() };
    let server = start(16 << 20, limits).await;
    let mut slow = Vec::new();
    for _ in 0..7 {
        slow.push(server.slow_reader().await);
    }
    let mut asking = server.client().await;
    let mut newcomer = server.client().await;
    assert_eq!(newcomer.get("/health").await.text(), "ok\n");
    assert!(slow[0].until_closed().await < server.page.len());
    assert_eq!(asking.get("/health").await.text(), "ok\n");
    server.stop().await;
}

#[tokio::test]
async fn an_answer_that_the_client_has_not_read_yet_survives_the_end_of_its_connection() {
    let server = start(10_000, Limits { max_connections: 1, ..Limits::default() }).await;
    let mut client = server.client().await;
    client.send("GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n").await;
    within(client.0.get_ref().readable()).await.unwrap();
    assert_eq!(server.client().await.get("/health").await.text(), "ok\n");
    assert_eq!(client.reply(true).await.unwrap().body, server.page);
    assert_eq!(client.until_closed().await, 0);
    server.stop().await;
}

#[tokio::test]
async fn a_flood_of_silent_clients_keeps_no_scraper_out() {
    let server = start(10, Limits { max_connections: 8, ..Limits::default() }).await;
    let mut silent = Vec::new();
    for _ in 0..40 {
        for _ in 0..10 {
            silent.push(TcpStream::connect(server.address).await.unwrap());
        }
        assert_eq!(server.client().await.get("/metrics").await.body, server.page);
    }
    server.stop().await;
}

#[tokio::test]
async fn shutdown_answers_what_is_in_flight_and_closes_the_idle() {
    let server = start(16 << 20, Limits::default()).await;
    let mut idle = server.client().await;
    idle.get("/health").await;
    let mut silent = server.client().await;
    let mut reading = server.slow_reader().await;
    server.stop.send(()).unwrap();
    assert_eq!(idle.until_closed().await, 0);
    assert_eq!(silent.until_closed().await, 0);
    assert!(TcpStream::connect(server.address).await.is_err(), "nobody listens any more");
    assert!(!server.running.is_finished());
    assert_eq!(reading.reply(true).await.unwrap().body, server.page);
    within(server.running).await.unwrap().unwrap();
}

#[tokio::test]
async fn shutdown_does_not_wait_for_a_reader_that_takes_nothing() {
    let limits = Limits { drain_timeout: Duration::from_millis(100), ..Limits::default() };
    let server = start(16 << 20, limits).await;
    let mut reader = server.slow_reader().await;
    server.stop.send(()).unwrap();
    within(server.running).await.unwrap().unwrap();
    assert!(reader.until_closed().await < server.page.len());
}
