//! Messages (RFC 9114, 4.1.2 to 4.3; RFC 8441, 4; RFC 9220): field sections to requests and responses and back. A
//! malformed message is an error of its stream.

use bytes::Bytes;
use http::{
    HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, Uri, Version,
    header::{CONTENT_LENGTH, HOST, TE},
    uri::{Authority, PathAndQuery, Scheme},
};

use super::{
    error::{Error, LimitError},
    message_fault::{MessageFault, UnsendableMessage},
    qpack::{Field, FieldSection},
};
use crate::handshake::{
    Received,
    headers::{is_connection_specific, join_cookies},
    syntax::is_token_byte,
};

/// Reading messages.
impl FieldSection {
    /// Returns the request and its `:protocol`, which only an extended CONNECT has. The URI has the scheme, the authority
    /// and the path; only that of an ordinary CONNECT is the authority alone. Without `:authority`, `Host` takes its
    /// place. Cookies are joined in one header.
    ///
    /// ```
    /// use silverback_proto::{handshake::ServerHandshake, h3::{Field, FieldSection}};
    ///
    /// let section = FieldSection::from_iter([
    ///     Field::new(":method", "CONNECT"),
    ///     Field::new(":protocol", "websocket"),
    ///     Field::new(":scheme", "https"),
    ///     Field::new(":authority", "server.example.com"),
    ///     Field::new(":path", "/chat"),
    ///     Field::new("sec-websocket-version", "13"),
    /// ]);
    /// let (request, protocol) = section.request()?;
    /// assert_eq!(request.uri(), "https://server.example.com/chat");
    /// ServerHandshake::from_connect(&request, protocol.as_deref()).unwrap();
    /// # Ok::<_, silverback_proto::h3::Error>(())
    /// ```
    ///
    /// # Errors
    /// Fails if the request is malformed.
    pub fn request(&self) -> Result<(Request<()>, Option<String>), Error> {
        let (pseudo, headers) = read_fields(self.fields(), Kind::Request)?;
        let method = pseudo.method.ok_or(MessageFault::MissingPseudo(":method"))?;
        let method = Method::from_bytes(method).map_err(|_| MessageFault::invalid(":method", method))?;
        let protocol = pseudo.protocol.map(read_protocol).transpose()?;
        let uri = match (method == Method::CONNECT, &protocol) {
            (true, None) => connect_uri(&pseudo, &headers)?,
            (false, Some(_)) => return Err(MessageFault::ProtocolWithoutConnect.into()),
            _ => uri(&pseudo, &headers, &method)?,
        };
        let mut request = Request::new(());
        *request.method_mut() = method;
        *request.uri_mut() = uri;
        *request.version_mut() = Version::HTTP_3;
        *request.headers_mut() = headers;
        Ok((request, protocol))
    }

    /// Returns the response.
    ///
    /// # Errors
    /// Fails if the response is malformed. Its status may be 1xx, but not 101 (4.5).
    pub fn response(&self) -> Result<Response<()>, Error> {
        let (pseudo, headers) = read_fields(self.fields(), Kind::Response)?;
        let status = pseudo.status.ok_or(MessageFault::MissingPseudo(":status"))?;
        let status = StatusCode::from_bytes(status).map_err(|_| MessageFault::invalid(":status", status))?;
        if status == StatusCode::SWITCHING_PROTOCOLS {
            return Err(MessageFault::SwitchingProtocols.into());
        }
        let mut response = Response::new(());
        *response.status_mut() = status;
        *response.version_mut() = Version::HTTP_3;
        *response.headers_mut() = headers;
        Ok(response)
    }

    /// Returns the trailers after the content of a message.
    ///
    /// # Errors
    /// Fails if they are malformed. They have no pseudo-header fields (4.3).
    pub fn trailers(&self) -> Result<HeaderMap, Error> {
        read_fields(self.fields(), Kind::Trailers).map(|(_, headers)| headers)
    }
}

/// Writing messages.
impl FieldSection {
    /// Creates the section of a request; with `protocol` that of an extended CONNECT. A `Host` header replaces the
    /// authority of the URI and is not sent itself. Headers that HTTP/3 has no use for are left out: `Connection`,
    /// `Upgrade` and the others of RFC 9114, 4.2.
    ///
    /// # Errors
    /// Fails if a part of the URI is missing, or if `protocol` is not a token or goes with another method.
    pub fn from_request<B>(request: &Request<B>, protocol: Option<&str>) -> Result<Self, UnsendableMessage> {
        let (method, uri) = (request.method(), request.uri());
        let mut fields = vec![Field::new(":method", Bytes::copy_from_slice(method.as_str().as_bytes()))];
        let is_connect = method == Method::CONNECT;
        if let Some(protocol) = protocol {
            if !is_connect {
                return Err(UnsendableMessage::ProtocolWithoutConnect);
            }
            if !is_token(protocol.as_bytes()) {
                return Err(UnsendableMessage::InvalidProtocol);
            }
            fields.push(Field::new(":protocol", protocol.to_owned()));
        }
        let authority = match request.headers().get(HOST) {
            Some(host) => Bytes::copy_from_slice(host.as_bytes()),
            None => {
                let authority = uri.authority().ok_or(UnsendableMessage::NoAuthority)?.as_str();
                // 4.3.1: user names are not sent.
                let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
                Bytes::from(host.to_owned())
            }
        };
        if !is_connect || protocol.is_some() {
            let scheme = uri.scheme_str().ok_or(UnsendableMessage::NoScheme)?;
            let path = uri.path_and_query().map_or("/", PathAndQuery::as_str);
            fields.push(Field::new(":scheme", scheme.to_owned()));
            fields.push(Field::new(":path", if path.is_empty() { "/".to_owned() } else { path.to_owned() }));
        }
        fields.push(Field::new(":authority", authority));
        fields.extend(sent_headers(request.headers()).filter(|field| field.name != HOST.as_str()));
        Ok(Self::from_iter(fields))
    }

    /// Creates the section of a response. Headers that HTTP/3 has no use for are left out, as in
    /// [`from_request`](Self::from_request).
    ///
    /// # Errors
    /// Fails if the status is 101, which HTTP/3 does not have (4.5).
    pub fn from_response<B>(response: &Response<B>) -> Result<Self, UnsendableMessage> {
        if response.status() == StatusCode::SWITCHING_PROTOCOLS {
            return Err(UnsendableMessage::SwitchingProtocols);
        }
        let status = Field::new(":status", response.status().as_str().to_owned());
        Ok([status].into_iter().chain(sent_headers(response.headers())).collect())
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Request,
    Response,
    Trailers,
}

/// The pseudo-header fields of a message (4.3).
#[derive(Default)]
struct PseudoFields<'a> {
    method: Option<&'a Bytes>,
    scheme: Option<&'a Bytes>,
    authority: Option<&'a Bytes>,
    path: Option<&'a Bytes>,
    protocol: Option<&'a Bytes>,
    status: Option<&'a Bytes>,
}

impl<'a> PseudoFields<'a> {
    /// Notes a pseudo-header field. Each may come once, and only those of this kind of message (4.3).
    fn set(&mut self, kind: Kind, field: &'a Field) -> Result<(), MessageFault> {
        let (name, slot) = match (kind, &*field.name) {
            (Kind::Request, b":method") => (":method", &mut self.method),
            (Kind::Request, b":scheme") => (":scheme", &mut self.scheme),
            (Kind::Request, b":authority") => (":authority", &mut self.authority),
            (Kind::Request, b":path") => (":path", &mut self.path),
            (Kind::Request, b":protocol") => (":protocol", &mut self.protocol),
            (Kind::Response, b":status") => (":status", &mut self.status),
            _ => return Err(MessageFault::UnknownPseudo(Received::new(&field.name))),
        };
        match slot.replace(&field.value) {
            Some(_) => Err(MessageFault::DuplicatePseudo(name)),
            None => Ok(()),
        }
    }
}

fn read_fields(fields: &[Field], kind: Kind) -> Result<(PseudoFields<'_>, HeaderMap), Error> {
    let (mut pseudo, mut headers) = (PseudoFields::default(), HeaderMap::new());
    let mut are_headers = false;
    for field in fields {
        if field.name.starts_with(b":") {
            if are_headers {
                return Err(MessageFault::LatePseudo(Received::new(&field.name)).into());
            }
            pseudo.set(kind, field)?;
            continue;
        }
        are_headers = true;
        let (name, value) = read_header(field)?;
        headers.try_append(name, value).map_err(|_| LimitError::Fields { limit: headers.len() })?;
    }
    if kind == Kind::Request {
        join_cookies(&mut headers);
    }
    Ok((pseudo, headers))
}

/// Validates a header or trailer (4.2).
fn read_header(field: &Field) -> Result<(HeaderName, HeaderValue), MessageFault> {
    let name =
        HeaderName::from_lowercase(&field.name).map_err(|_| MessageFault::FieldName(Received::new(&field.name)))?;
    // RFC 9110, 5.5: blanks around a value do not belong to it.
    let text = field.value.trim_ascii();
    if is_connection_specific(&name) || (name == TE && !text.eq_ignore_ascii_case(b"trailers")) {
        return Err(MessageFault::ConnectionSpecific(name));
    }
    let value = HeaderValue::from_maybe_shared(field.value.slice_ref(text));
    let mut value = value.map_err(|_| MessageFault::FieldValue(name.clone()))?;
    value.set_sensitive(field.is_sensitive);
    Ok((name, value))
}

/// The headers of a message that may be sent.
fn sent_headers(headers: &HeaderMap) -> impl Iterator<Item = Field> {
    let is_sent =
        |name: &HeaderName, value: &HeaderValue| !is_connection_specific(name) && (name != TE || value == "trailers");
    headers.iter().filter(move |(name, value)| is_sent(name, value)).map(|(name, value)| Field {
        name: Bytes::copy_from_slice(name.as_str().as_bytes()),
        value: Bytes::copy_from_slice(value.as_bytes()),
        is_sensitive: value.is_sensitive(),
    })
}

/// RFC 8441, 4: the name of a protocol as in the registry of upgrade tokens.
fn read_protocol(value: &Bytes) -> Result<String, MessageFault> {
    let text = std::str::from_utf8(value).ok().filter(|text| is_token(text.as_bytes()));
    text.map(str::to_owned).ok_or_else(|| MessageFault::invalid(":protocol", value))
}

/// RFC 9110, 5.6.2 and 7.8: a token, or two with a slash between a name and a version.
fn is_token(text: &[u8]) -> bool {
    !text.is_empty() && text.iter().all(|&byte| is_token_byte(byte) || byte == b'/')
}

/// RFC 3986, 3.1: a letter, then letters, digits and three other characters.
fn is_scheme(text: &[u8]) -> bool {
    text.first().is_some_and(u8::is_ascii_alphabetic)
        && text.iter().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(byte))
}

/// The target of a request that is not an ordinary CONNECT (4.3.1).
fn uri(pseudo: &PseudoFields<'_>, headers: &HeaderMap, method: &Method) -> Result<Uri, MessageFault> {
    let scheme = pseudo.scheme.ok_or(MessageFault::MissingPseudo(":scheme"))?;
    let path = pseudo.path.ok_or(MessageFault::MissingPseudo(":path"))?;
    let authority = authority(pseudo, headers)?;
    let mut parts = http::uri::Parts::default();
    // `Scheme` accepts an empty one.
    let parsed = if is_scheme(scheme) { Scheme::try_from(&**scheme).ok() } else { None };
    parts.scheme = Some(parsed.ok_or_else(|| MessageFault::invalid(":scheme", scheme))?);
    parts.authority = Some(authority);
    // `PathAndQuery` would silently drop a fragment.
    let is_path = path.starts_with(b"/") || (method == Method::OPTIONS && &**path == b"*");
    if !is_path || path.contains(&b'#') {
        return Err(MessageFault::invalid(":path", path));
    }
    let path_and_query = PathAndQuery::from_maybe_shared(path.clone());
    parts.path_and_query = Some(path_and_query.map_err(|_| MessageFault::invalid(":path", path))?);
    Uri::from_parts(parts).map_err(|_| MessageFault::invalid(":path", path))
}

/// The target of an ordinary CONNECT: a host and a port (4.4).
fn connect_uri(pseudo: &PseudoFields<'_>, headers: &HeaderMap) -> Result<Uri, MessageFault> {
    for (name, value) in [(":scheme", pseudo.scheme), (":path", pseudo.path)] {
        if value.is_some() {
            return Err(MessageFault::PseudoInConnect(name));
        }
    }
    let target = pseudo.authority.ok_or(MessageFault::MissingPseudo(":authority"))?;
    let authority = authority(pseudo, headers)?;
    if authority.port().is_none() {
        return Err(MessageFault::invalid(":authority", target));
    }
    Uri::try_from(authority.as_str()).map_err(|_| MessageFault::invalid(":authority", target))
}

/// 4.3.1: `:authority`, or `Host` instead. If both are there, they say the same.
fn authority(pseudo: &PseudoFields<'_>, headers: &HeaderMap) -> Result<Authority, MessageFault> {
    let mut hosts = headers.get_all(HOST).iter();
    let (host, second) = (hosts.next(), hosts.next());
    let (name, text) = match (pseudo.authority, host) {
        (_, Some(_)) if second.is_some() => return Err(MessageFault::SeveralHosts),
        (Some(authority), Some(host)) if !authority.eq_ignore_ascii_case(host.as_bytes()) => {
            let (authority, host) = (Received::new(authority), Received::new(host.as_bytes()));
            return Err(MessageFault::OtherHost { authority, host });
        }
        (Some(authority), _) => (":authority", &**authority),
        (None, Some(host)) => ("host", host.as_bytes()),
        (None, None) => return Err(MessageFault::NoAuthority),
    };
    // User names must not be sent.
    let authority = if text.contains(&b'@') { None } else { Authority::try_from(text).ok() };
    authority.ok_or_else(|| MessageFault::invalid(name, text))
}

/// The declared length of a message's content; `None` if it is not declared (4.1.2).
pub(super) fn content_length(headers: &HeaderMap) -> Result<Option<u64>, MessageFault> {
    let mut values = headers.get_all(CONTENT_LENGTH).iter();
    let Some(first) = values.next() else { return Ok(None) };
    let is_number = first.as_bytes().iter().all(u8::is_ascii_digit);
    let length = first.to_str().ok().filter(|_| is_number).and_then(|text| text.parse().ok());
    match length {
        Some(length) if values.all(|other| other == first) => Ok(Some(length)),
        _ => Err(MessageFault::ContentLength(Received::new(first.as_bytes()))),
    }
}
