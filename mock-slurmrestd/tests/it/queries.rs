//! Names in paths and parameters of queries decide what is listed.
//! Not here: the shape of what is listed (shapes.rs), or recorded refusals (errors.rs).

use crate::client::{get, start};
use crate::ordered::Json;
use mock_slurmrestd::cluster::{Cluster, Size};
use mock_slurmrestd::http::Config;
use mock_slurmrestd::wire::Release;
use std::net::SocketAddr;
use std::time::Duration;

fn lively(release: Release) -> Config {
    let mut cluster = Cluster::new(&Size { finished_share: 0.2, ..Size::of(60, 400) }, 3);
    cluster.advance(Duration::from_secs(3_600));
    Config::still(cluster).as_release(release)
}

async fn list(address: SocketAddr, path: &str, key: &str) -> Vec<Json> {
    let reply = get(address, path, &[]).await;
    assert_eq!(reply.status(), 200, "{path}: {}", reply.text());
    Json::parse(&reply.body).get(key).list().to_vec()
}

#[tokio::test]
async fn a_name_in_the_path_lists_that_one_alone() {
    let (address, simulator) = start(lively(Release::S26_05)).await;
    let cluster = simulator.cluster();
    let node = &cluster.inventory().nodes[7].name;
    let nodes = list(address, &format!("/slurm/v0.0.45/node/{node}"), "nodes").await;
    assert_eq!((nodes.len(), nodes[0].get("name").text()), (1, node.as_str()));
    let partitions = list(address, "/slurm/v0.0.45/partition/all", "partitions").await;
    assert_eq!((partitions.len(), partitions[0].get("name").text()), (1, "all"));
    let id = cluster.jobs()[5].id;
    let jobs = list(address, &format!("/slurm/v0.0.45/job/{id}"), "jobs").await;
    assert!(jobs.iter().any(|job| job.get("job_id").number() == u64::from(id)));
    let all = list(address, "/slurm/v0.0.45/jobs", "jobs").await;
    let parts = |list: &[Json]| {
        let of_it = |job: &&Json| job.get("array_job_id").get("number").number() == u64::from(id);
        list.iter().filter(of_it).count()
    };
    assert_eq!(parts(&jobs), parts(&all));
}

#[tokio::test]
async fn slurmdbd_lists_jobs_of_the_time_and_the_kind_that_were_asked_for() {
    let (address, simulator) = start(lively(Release::S24_11)).await;
    let cluster = simulator.cluster();
    let path = "/slurmdb/v0.0.42/jobs?start_time=now-2hours";
    let all = list(address, path, "jobs").await;
    let known = cluster.accounted_between(cluster.now() - 7_200_000, cluster.now()).count();
    assert_eq!(all.len(), known);
    let state = |job: &Json| job.get("state").get("current").list()[0].text().to_owned();
    let running = list(address, &format!("{path}&state=running"), "jobs").await;
    assert_eq!(running.len(), all.iter().filter(|job| state(job) == "RUNNING").count());
    assert!(!running.is_empty() && running.len() < all.len());
    let user = all[0].get("user").text().to_owned();
    let of_user = list(address, &format!("{path}&users={user}%2Cnobody"), "jobs").await;
    assert_eq!(of_user.len(), all.iter().filter(|job| job.get("user").text() == user).count());
    let partition = all[0].get("partition").text().to_owned();
    let both = list(address, &format!("{path}&users={user}&partition={partition}"), "jobs").await;
    assert!(both.len() <= of_user.len() && both.iter().all(|job| job.get("user").text() == user));
    let never =
        list(address, "/slurmdb/v0.0.42/jobs?start_time=1970-01-01&end_time=1970-01-02", "jobs").await;
    assert_eq!(never.len(), 0);
}

#[tokio::test]
async fn a_date_is_as_good_as_seconds_in_update_time() {
    let (address, _) = start(lively(Release::S24_11)).await;
    for (time, status) in
        [("4000000000", 304), ("2096-10-02T07%3A06%3A40", 304), ("2001-09-09", 200), ("yesteryear", 500)]
    {
        let reply = get(address, &format!("/slurm/v0.0.42/partitions?update_time={time}"), &[]).await;
        assert_eq!(reply.status(), status, "{time}");
    }
    // Its time stamps have 32 bits.
    let reply = get(address, "/slurm/v0.0.40/partitions?update_time=4000000000", &[]).await;
    assert_eq!(reply.status(), 500);
}

#[tokio::test]
async fn an_unknown_flag_is_an_error_with_all_of_the_data() {
    for (release, path, status) in [
        (Release::S24_11, "/slurm/v0.0.42/jobs", 500),
        (Release::S26_05, "/slurm/v0.0.45/jobs", 500),
        (Release::S22_05, "/slurm/v0.0.38/jobs", 200),
    ] {
        let (address, simulator) = start(lively(release)).await;
        let reply = get(address, &format!("{path}?flags=NOPE"), &[]).await;
        assert_eq!(reply.status(), status, "{release}");
        let body = Json::parse(&reply.body[..reply.promised()]);
        assert_eq!(body.get("jobs").list().len(), simulator.cluster().jobs().len(), "{release}");
        let detailed = get(address, &format!("{path}?flags=DETAIL"), &[]).await;
        assert_eq!(detailed.status(), 200, "{release}");
    }
}

#[tokio::test]
async fn shares_of_one_user_are_shares_of_that_user() {
    let (address, _) = start(lively(Release::S26_05)).await;
    let reply = get(address, "/slurm/v0.0.45/shares?users=user001", &[]).await;
    let shares = Json::parse(&reply.body);
    let shares = shares.get("shares").get("shares").list();
    assert!(!shares.is_empty() && shares.iter().all(|share| share.get("name").text() == "user001"));
}

#[tokio::test]
async fn the_openapi_document_names_every_path_that_is_served() {
    let (address, _) = start(lively(Release::S25_11)).await;
    for path in ["/openapi/v3", "/openapi", "/openapi.json"] {
        let reply = get(address, path, &[]).await;
        assert_eq!(reply.status(), 200, "{path}");
        let document = Json::parse(&reply.body);
        let Json::Object(paths) = document.get("paths") else { panic!("paths is an object") };
        let has = |wanted: &str| paths.iter().any(|(path, _)| path == wanted);
        assert!(has("/slurm/v0.0.44/node/{node_name}") && has("/slurmdb/v0.0.41/jobs"));
        assert!(!has("/slurm/v0.0.45/nodes") && !has("/slurmdb/v0.0.41/ping"));
        let schema = document.get("paths").get("/slurm/v0.0.44/nodes").get("get").get("responses");
        let schema = schema.get("200").get("content").get("application/json").get("schema");
        let node = schema.get("properties").get("nodes").get("items").get("properties");
        assert_eq!(node.get("cpus").get("type").text(), "integer");
        assert_eq!(node.get("state").get("items").get("type").text(), "string");
    }
}
