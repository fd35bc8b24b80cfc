//! How each release behaves on a connection, below the level of answers: recorded oddities, one row per release.
//! Not here: what the answers say (refusal.rs, service.rs).

use crate::wire::Release;

/// What a client that looks at bytes can tell a release by.
#[derive(Debug)]
pub(super) struct Manners {
    /// Most errors come twice: as data, and again as text (26.05).
    pub(super) errors_twice: bool,
    /// The answer to what is no request, HTTP/2, or has an unknown method; then the connection ends.
    pub(super) garbled: &'static str,
    /// The answer to HEAD before anything is looked at.
    pub(super) head: Option<&'static str>,
    /// The answer to a request with a chunked body.
    pub(super) chunked: &'static str,
    /// The answer to those who want to speak another protocol from now on; nothing where that is not looked at.
    pub(super) upgrade: Option<&'static str>,
    /// The answer to CONNECT.
    pub(super) connect: &'static str,
    /// `100 CONTINUE` to those who expect it.
    pub(super) says_continue: bool,
    /// GET with a body is refused (22.05).
    pub(super) refuses_bodies: bool,
    /// `Connection: Close` comes behind the body, beyond Content-Length, when the client asked to close.
    pub(super) closes_late: bool,
    /// HTTP/1.0 keeps its connection (26.05).
    pub(super) keeps_old_clients: bool,
}

const NO_HTTP: &str = "HTTP/0.9 400 BAD REQUEST\r\n";
/// Without the empty line at the end.
const NO_UPGRADE: &str = "HTTP/1.1 405 NOT ALLOWED\r\nConnection: Close\r\n";
const NO_METHOD: &str = "HTTP/1.1 405 NOT ALLOWED\r\nConnection: Close\r\nContent-Length: 19\r\n\
                         Content-Type: text/plain\r\n\r\nInvalid HTTP method";

/// 22.05; the later ones are told as differences.
const OLD: Manners = Manners {
    errors_twice: false,
    garbled: NO_HTTP,
    head: Some(
        "HTTP/1.1 411 LENGTH REQUIRED\r\nConnection: Close\r\nHTTP/1.1 400 BAD REQUEST\r\nConnection: Close\r\n",
    ),
    chunked: "HTTP/1.1 406 NOT ACCEPTABLE\r\nConnection: Close\r\nHTTP/1.1 400 BAD REQUEST\r\n\
              Connection: Close\r\n",
    upgrade: Some(NO_UPGRADE),
    connect: NO_UPGRADE,
    says_continue: true,
    refuses_bodies: true,
    closes_late: true,
    keeps_old_clients: false,
};

/// 24.11, and by assumption 25.05 and 25.11.
const MIDDLE: Manners = Manners { refuses_bodies: false, ..OLD };

/// 26.05.
const NEW: Manners = Manners {
    errors_twice: true,
    garbled: NO_METHOD,
    head: None,
    // The misspelling is the original's.
    chunked: "HTTP/1.1 406 NOT ACCEPTABLE\r\nConnection: Close\r\nContent-Length: 37\r\n\
              Content-Type: text/plain\r\n\r\nInvalid HTTP Tranfser-Encoding header",
    upgrade: Some(
        "HTTP/1.1 406 NOT ACCEPTABLE\r\nConnection: Close\r\nContent-Length: 41\r\nContent-Type: text/plain\r\n\r\n\
         HTTP protocol upgrading is not supported.",
    ),
    connect: NO_METHOD,
    says_continue: false,
    keeps_old_clients: true,
    ..MIDDLE
};

/// No release at all: every version at once, without oddities.
const PLAIN: Manners = Manners {
    errors_twice: false,
    garbled: "HTTP/1.1 400 BAD REQUEST\r\nConnection: Close\r\nContent-Length: 0\r\n\r\n",
    head: None,
    chunked: "HTTP/1.1 406 NOT ACCEPTABLE\r\nConnection: Close\r\nContent-Length: 0\r\n\r\n",
    upgrade: None,
    connect: "HTTP/1.1 405 NOT ALLOWED\r\nConnection: Close\r\nContent-Length: 0\r\n\r\n",
    says_continue: true,
    refuses_bodies: false,
    closes_late: false,
    keeps_old_clients: false,
};

impl Manners {
    pub(super) fn of(release: Option<Release>) -> &'static Self {
        match release {
            None => &PLAIN,
            Some(Release::S22_05) => &OLD,
            Some(Release::S24_11 | Release::S25_05 | Release::S25_11) => &MIDDLE,
            Some(Release::S26_05) => &NEW,
        }
    }
}
