//! The porting guides mention every name of the other libraries.

const GORILLA: &str = include_str!("../../../docs/from-gorilla.md");
const TUNGSTENITE: &str = include_str!("../../../docs/from-tungstenite.md");

/// Everything that gorilla/websocket exports, its fields and methods included.
const GORILLA_NAMES: &str = "
    Upgrader Dialer Conn PreparedMessage BufferPool CloseError HandshakeError
    Subprotocols IsWebSocketUpgrade IsCloseError IsUnexpectedCloseError FormatCloseMessage JoinMessages
    NewPreparedMessage Upgrade NewClient ReadJSON WriteJSON DefaultDialer ErrBadHandshake ErrCloseSent ErrReadLimit
    TextMessage BinaryMessage CloseMessage PingMessage PongMessage
    CloseNormalClosure CloseGoingAway CloseProtocolError CloseUnsupportedData CloseNoStatusReceived
    CloseAbnormalClosure CloseInvalidFramePayloadData ClosePolicyViolation CloseMessageTooBig
    CloseMandatoryExtension CloseInternalServerErr CloseServiceRestart CloseTryAgainLater CloseTLSHandshake
    ReadMessage NextReader SetReadLimit SetReadDeadline WriteMessage NextWriter WritePreparedMessage WriteControl
    SetWriteDeadline EnableWriteCompression SetCompressionLevel SetCloseHandler CloseHandler SetPingHandler PingHandler
    SetPongHandler PongHandler Subprotocol LocalAddr RemoteAddr NetConn UnderlyingConn Close
    HandshakeTimeout ReadBufferSize WriteBufferSize WriteBufferPool Error CheckOrigin EnableCompression Upgrader.Upgrade
    NetDial NetDialContext NetDialTLSContext Proxy TLSClientConfig Jar Dialer.Dial DialContext";

/// The public functions of tokio-tungstenite, and the types, options, errors and features of tungstenite.
const TUNGSTENITE_NAMES: &str = "
    connect_async connect_async_with_config connect_async_tls_with_config client_async client_async_with_config
    client_async_tls client_async_tls_with_config accept_async accept_async_with_config accept_hdr_async
    accept_hdr_async_with_config from_raw_socket from_partially_read derive_accept_key IntoClientRequest
    ClientRequestBuilder WebSocketStream MaybeTlsStream Connector SplitStream SplitSink get_ref get_mut into_inner
    Message::Text Utf8Bytes Message::Binary Message::Ping Message::Pong Message::Close Message::Frame CloseFrame Role
    WebSocketConfig read_buffer_size write_buffer_size max_write_buffer_size max_message_size max_frame_size
    accept_unmasked_frames set_config get_config
    ConnectionClosed AlreadyClosed Io Tls Capacity Protocol WriteBufferFull Utf8 AttackAttempt Url Http HttpFormat
    connect handshake stream native-tls native-tls-vendored rustls-tls-native-roots rustls-tls-webpki-roots
    __rustls-tls url";

/// The names in the first columns of the guide's tables.
fn first_columns(guide: &str) -> Vec<&str> {
    let rows = guide.lines().filter_map(|line| line.strip_prefix("| ")?.split(" | ").next());
    let code = rows.flat_map(|row| row.split('`').skip(1).step_by(2));
    code.flat_map(|code| code.split(|c: char| !(c.is_alphanumeric() || "_-.:".contains(c)))).collect()
}

#[track_caller]
fn check(guide: &str, names: &str) {
    let told = first_columns(guide);
    let is_told = |name: &str| told.iter().any(|code| *code == name || code.ends_with(&format!("::{name}")));
    let untold: Vec<_> = names.split_whitespace().filter(|name| !is_told(name)).collect();
    assert!(untold.is_empty(), "{untold:?}");
}

#[test]
fn every_name_of_gorilla_has_its_place() {
    check(GORILLA, GORILLA_NAMES);
}

#[test]
fn every_name_of_tungstenite_has_its_place() {
    check(TUNGSTENITE, TUNGSTENITE_NAMES);
}
