// Close codes (RFC 6455, 7.4, and the IANA registry): their names, and what to look at.

const closeCodes = {
  1000: ["Normal Closure"],
  1001: ["Going Away", "The server is shutting down or restarting."],
  1002: ["Protocol Error", "The server saw a frame that the protocol does not allow."],
  1003: ["Unsupported Data", "The server does not accept this kind of message."],
  1005: ["No Status Received", "The close frame carried no code."],
  1006: [
    "Abnormal Closure",
    "The connection ended without a close frame. Browsers do not say why: no server may listen at this address, it may refuse this page's origin or this path, a certificate may not be trusted, or a proxy cut an idle connection.",
  ],
  1007: ["Invalid Payload", "Text that is not valid UTF-8."],
  1008: ["Policy Violation", "The server refuses this connection or message by its policy."],
  1009: ["Message Too Big", "The message is larger than the server accepts."],
  1010: ["Mandatory Extension", "The client asked for an extension that the server did not offer."],
  1011: ["Internal Error", "The server had an internal error."],
  1012: ["Service Restart", "The server restarts."],
  1013: ["Try Again Later", "The server is overloaded."],
  1014: ["Bad Gateway", "A server behind this one gave a wrong answer."],
  1015: ["TLS Handshake", "The certificate could not be verified."],
};

function closeCodeName(code) {
  if (closeCodes[code]) return closeCodes[code][0];
  if (code >= 3000 && code <= 3999) return "Registered Code";
  if (code >= 4000 && code <= 4999) return "Application Code";
  return "Unknown Code";
}

function closeCodeHint(code) {
  return closeCodes[code]?.[1] ?? "";
}

/** A normal end, a refusal by policy and the upper application codes mean: do not come back. */
function worthReconnecting(code) {
  return code !== 1000 && code !== 1008 && !(code >= 4500 && code <= 4999);
}
