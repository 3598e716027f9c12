//! Clients that misuse our own server over HTTP/3.
