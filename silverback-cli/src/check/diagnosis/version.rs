//! Servers that do not take WebSockets over the version of HTTP that was asked for.

use http::Version;
use silverback::dial::VersionFault;

use crate::check::finding::Diagnosis;

pub(super) fn not_taken(version: Version, fault: &VersionFault) -> Diagnosis {
    let (name, rfc) = match version {
        Version::HTTP_3 => ("HTTP/3", "RFC 9220"),
        _ => ("HTTP/2", "RFC 8441"),
    };
    let meaning = match fault {
        VersionFault::ExtendedConnect => format!(
            "The server speaks {name}, but its settings do not allow WebSockets over it: they lack \
             SETTINGS_ENABLE_CONNECT_PROTOCOL ({rfc})."
        ),
        VersionFault::Alpn { .. } => format!("The server does not speak {name} here: {fault}."),
        _ => format!("The server does not speak {name}: {fault}."),
    };
    Diagnosis::new("http-version", meaning)
        .advise("Use --http1.1, over which every WebSocket server works.")
        .advise_if(version == Version::HTTP_2, "Use --http2 --fallback, which uses HTTP/1.1 if there is no HTTP/2.")
}
