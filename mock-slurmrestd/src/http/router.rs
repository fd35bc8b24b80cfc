//! From a path and a query to what is asked for.
//! Not here: whether it may be asked, or the answer.

use super::url;
use crate::wire::{ApiVersion, Endpoint, Face, Release};
use std::ops::RangeInclusive;

/// A known path in a version that is served.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Route {
    pub(super) face: Face,
    pub(super) endpoint: Endpoint,
    /// The last part of the path, where it names one thing.
    pub(super) name: Option<String>,
    /// The query's parameters, decoded, in order.
    pub(super) query: Vec<(String, String)>,
}

/// What is served: a window of versions, by one release or each by the one that was recorded.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Served {
    pub(super) release: Option<Release>,
    pub(super) versions: RangeInclusive<ApiVersion>,
}

impl Served {
    /// The same with another window, as an upgrade moves it.
    pub(super) fn with(&self, versions: RangeInclusive<ApiVersion>) -> Self {
        Self { release: self.release, versions }
    }

    pub(super) fn face(&self, api: ApiVersion) -> Face {
        Face { release: self.release.unwrap_or_else(|| api.release()), api }
    }

    /// The release that answers where no version is asked for.
    pub(super) fn release(&self) -> Release {
        self.face(*self.versions.end()).release
    }

    /// `None` is what slurmrestd answers with 404 in plain text. A query that cannot be read counts as none here.
    pub(super) fn route(&self, path: &str, query: Option<&str>) -> Option<Route> {
        let parts = url::path(path)?;
        let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
        let query = query.and_then(url::parameters).unwrap_or_default();
        let latest = self.face(*self.versions.end());
        let [plugin @ ("slurm" | "slurmdb"), version, rest @ ..] = parts.as_slice() else {
            let known =
                matches!(parts.as_slice(), ["openapi" | "openapi.json" | "openapi.yaml"] | ["openapi", "v3"]);
            return known.then_some(Route { face: latest, endpoint: Endpoint::OpenApi, name: None, query });
        };
        let face = self.face(version.parse().ok().filter(|api| self.versions.contains(api))?);
        if face.release == Release::S22_05 && *plugin == "slurm" && rest.is_empty() {
            // Seen: the bare version is taken for its first path.
            return Some(Route { face, endpoint: Endpoint::Diag, name: None, query });
        }
        let prefix = if *plugin == "slurmdb" { "slurmdb/" } else { "" };
        let endpoint = |parts: &[&str]| -> Option<Endpoint> {
            let found: Endpoint = format!("{prefix}{}", parts.join("/")).parse().ok()?;
            let fits = found.is_accounting() != prefix.is_empty() && found != Endpoint::OpenApi;
            (fits && found.is_served_by(face)).then_some(found)
        };
        if let Some(endpoint) = endpoint(rest).filter(|endpoint| !endpoint.takes_name()) {
            return Some(Route { face, endpoint, name: None, query });
        }
        let (name, path) = rest.split_last()?;
        let endpoint = endpoint(path).filter(|endpoint| endpoint.takes_name())?;
        Some(Route { face, endpoint, name: Some((*name).to_owned()), query })
    }

    /// Paths without a body, with a token, of 26.05.
    pub(super) fn is_health(&self, path: &str) -> bool {
        let path = path.trim_matches('/');
        self.release == Some(Release::S26_05) && matches!(path, "healthz" | "readyz" | "livez")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn served(versions: RangeInclusive<ApiVersion>) -> Served {
        Served { release: None, versions }
    }

    fn all() -> Served {
        served(ApiVersion::V0_0_38..=ApiVersion::V0_0_45)
    }

    #[test]
    fn paths_are_known_with_any_number_of_slashes() {
        for path in ["/slurm/v0.0.42/jobs/state", "//slurm//v0.0.42/jobs//state/"] {
            let route = all().route(path, None).unwrap();
            assert_eq!((route.face.api, route.endpoint), (ApiVersion::V0_0_42, Endpoint::JobsState));
        }
    }

    #[test]
    fn the_last_part_of_a_path_may_be_a_name() {
        for (path, endpoint, name) in [
            ("/slurm/v0.0.42/node/cpu0001", Endpoint::Node, Some("cpu0001")),
            ("/slurm/v0.0.42/job/12", Endpoint::Job, Some("12")),
            ("/slurm/v0.0.42/partition/a%20b/", Endpoint::Partition, Some("a b")),
            ("/slurmdb/v0.0.42/job/7", Endpoint::DbJob, Some("7")),
            ("/slurmdb/v0.0.42/jobs", Endpoint::DbJobs, None),
            ("/openapi/v3", Endpoint::OpenApi, None),
        ] {
            let route = all().route(path, None).unwrap();
            assert_eq!((route.endpoint, route.name.as_deref()), (endpoint, name), "{path}");
        }
    }

    #[test]
    fn what_is_not_served_is_unknown() {
        let window = served(ApiVersion::V0_0_42..=ApiVersion::V0_0_45);
        for path in [
            "/",
            "/slurm",
            "/slurm/v0.0.41/ping",
            "/slurm/v0.0.99/ping",
            "/slurm/v0.0.42/nope",
            "/slurm/v0.0.42/node",
            "/slurm/v0.0.42/nodes/cpu0001",
            "/slurm/v0.0.42/openapi/v3",
            "/slurm/v0.0.42/slurmdb/jobs",
            "/slurmdb/v0.0.42/nodes",
            "/metrics",
        ] {
            assert_eq!(window.route(path, None), None, "{path}");
        }
        assert_eq!(all().route("/slurm/v0.0.38/shares", None), None);
        assert_eq!(all().route("/slurmdb/v0.0.41/ping", None), None);
    }
}
