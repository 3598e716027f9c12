#![allow(clippy::unwrap_used)]

use std::collections::HashMap;

use super::{environment, *};

fn parsed(url: &str) -> (ProxyKind, String, u16) {
    let proxy: Proxy = url.parse().unwrap_or_else(|error| panic!("{url}: {error}"));
    (proxy.kind, proxy.host, proxy.port)
}

#[test]
fn urls_name_kind_host_and_port() {
    for (url, kind, host, port) in [
        ("http://proxy.example", ProxyKind::Http, "proxy.example", 80),
        ("proxy.example:3128", ProxyKind::Http, "proxy.example", 3128),
        ("HTTPS://Proxy.Example/", ProxyKind::Https, "proxy.example", 443),
        ("socks5://10.0.0.1", ProxyKind::Socks5, "10.0.0.1", 1080),
        ("socks://10.0.0.1:9050/", ProxyKind::Socks5, "10.0.0.1", 9050),
        ("socks5h://[::1]:9050", ProxyKind::Socks5h, "::1", 9050),
        ("  http://proxy.example:  ", ProxyKind::Http, "proxy.example", 80),
    ] {
        assert_eq!(parsed(url), (kind, host.to_owned(), port), "{url}");
    }
}

#[test]
fn what_is_no_proxy_is_told_without_repeating_it() {
    for (url, error) in [
        ("ftp://proxy.example", InvalidProxy::Scheme),
        ("socks4://proxy.example", InvalidProxy::Scheme),
        ("http://", InvalidProxy::Host),
        ("", InvalidProxy::Host),
        ("http://exa mple", InvalidProxy::Host),
        ("http://a\r\nb", InvalidProxy::Host),
        ("http://[::1", InvalidProxy::Host),
        ("http://[not-six]", InvalidProxy::Host),
        ("http://[::1]x", InvalidProxy::Host),
        ("http://::1", InvalidProxy::Host),
        ("http://proxy.example:port", InvalidProxy::Port),
        ("http://proxy.example:99999", InvalidProxy::Port),
        ("http://proxy.example/path", InvalidProxy::Path),
        ("http://proxy.example?query", InvalidProxy::Path),
        ("http://%zz@proxy.example", InvalidProxy::Credentials),
        ("http://a%3Ab:c@proxy.example", InvalidProxy::Credentials),
        ("http://a:%0d%0a@proxy.example", InvalidProxy::Credentials),
        ("http://%ff@proxy.example", InvalidProxy::Credentials),
        ("socks5://user@proxy.example", InvalidProxy::Credentials),
    ] {
        assert_eq!(url.parse::<Proxy>().map(|proxy| proxy.to_string()), Err(error), "{url}");
    }
    let long = format!("socks5://{}:p@proxy.example", "u".repeat(256));
    assert_eq!(long.parse::<Proxy>(), Err(InvalidProxy::Credentials));
}

#[test]
fn credentials_are_decoded_and_never_shown() {
    let proxy: Proxy = "http://Aladdin:open%20ses%40me@proxy.example".parse().unwrap();
    let authorization = proxy.authorization().unwrap();
    assert_eq!(authorization, "Basic QWxhZGRpbjpvcGVuIHNlc0BtZQ==");
    let shown = format!("{proxy} {proxy:?} {authorization:?} {:?}", ProxyRules::all(proxy.clone()));
    for secret in ["Aladdin", "open", "QWxh"] {
        assert!(!shown.contains(secret), "{shown}");
    }
    assert!(shown.contains("with credentials"), "{shown}");
}

#[track_caller]
fn check_direct(rules: &ProxyRules, direct: &[&str], proxied: &[&str]) {
    let uses_proxy = |server: &str| {
        let (host, port) = server.rsplit_once('|').unwrap_or((server, "80"));
        rules.proxy_for(false, host, port.parse().unwrap()).unwrap().is_some()
    };
    for server in direct {
        assert!(!uses_proxy(server), "{server} is to be reached directly");
    }
    for server in proxied {
        assert!(uses_proxy(server), "{server} is to be reached through the proxy");
    }
}

fn except(list: &str) -> ProxyRules {
    ProxyRules::all("http://proxy.example".parse().unwrap()).except(list)
}

#[test]
fn a_name_stands_for_itself_and_all_under_it() {
    check_direct(
        &except("a.example, B.Example"),
        &["a.example", "A.EXAMPLE", "x.a.example", "y.x.a.example", "b.example", "a.example."],
        &["xa.example", "example", "a.example.com"],
    );
    check_direct(&except(".a.example,*.b.example"), &["x.a.example", "x.b.example"], &["a.example", "b.example"]);
}

#[test]
fn addresses_and_ranges_are_compared_as_numbers() {
    check_direct(
        &except("10.0.0.0/8 192.0.2.1,2001:db8::/32,[::1],172.16.0.0/12"),
        &["10.255.0.1", "192.0.2.1", "2001:db8:1::", "[2001:db8::1]", "::1", "172.31.0.1", "::ffff:10.0.0.1"],
        &["11.0.0.1", "192.0.2.2", "2001:db9::1", "172.32.0.1", "::2", "10.example"],
    );
    check_direct(&except("0.0.0.0/0"), &["1.2.3.4"], &["::1", "a.example"]);
}

#[test]
fn a_port_limits_an_exception() {
    check_direct(
        &except("a.example:8080, 10.0.0.1:81, [::1]:82"),
        &["a.example|8080", "x.a.example|8080", "10.0.0.1|81", "[::1]|82"],
        &["a.example", "10.0.0.1", "::1"],
    );
}

#[test]
fn a_star_is_everything_and_nonsense_is_nothing() {
    check_direct(&except("*"), &["a.example", "10.0.0.1"], &[]);
    check_direct(&except("10.0.0.0/33, a:b:c, :80, /8, , *:80, 1.2.3.4/x"), &[], &["a.example", "10.0.0.1", "1.2.3.4"]);
}

fn environment(variables: &[(&str, &str)]) -> ProxyRules {
    let variables: HashMap<&str, &str> = variables.iter().copied().collect();
    environment::read(|name| variables.get(name).map(|value| (*value).to_owned()))
}

#[track_caller]
fn check_environment(variables: &[(&str, &str)], plain: Option<&str>, secure: Option<&str>) {
    let rules = environment(variables);
    let host = |secure| rules.proxy_for(secure, "server.example", 443).unwrap().map(|proxy| proxy.host.as_str());
    assert_eq!((host(false), host(true)), (plain, secure), "{variables:?}");
}

#[test]
fn each_scheme_has_its_variable_and_lower_case_goes_first() {
    check_environment(&[], None, None);
    check_environment(&[("http_proxy", "h")], Some("h"), None);
    check_environment(&[("https_proxy", "s")], None, Some("s"));
    check_environment(&[("ALL_PROXY", "a")], Some("a"), Some("a"));
    check_environment(&[("all_proxy", "a"), ("HTTP_PROXY", "h"), ("HTTPS_PROXY", "s")], Some("h"), Some("s"));
    check_environment(&[("http_proxy", "low"), ("HTTP_PROXY", "up")], Some("low"), None);
    check_environment(&[("http_proxy", ""), ("HTTP_PROXY", "up")], None, None);
    check_environment(&[("no_proxy", "server.example"), ("all_proxy", "a")], None, None);
    check_environment(&[("NO_PROXY", "other.example"), ("all_proxy", "a")], Some("a"), Some("a"));
}

#[test]
fn a_variable_that_a_client_of_a_cgi_program_wrote_is_not_trusted() {
    check_environment(&[("REQUEST_METHOD", "GET"), ("HTTP_PROXY", "evil")], None, None);
    check_environment(&[("REQUEST_METHOD", "GET"), ("http_proxy", "h"), ("HTTPS_PROXY", "s")], Some("h"), Some("s"));
}

#[test]
fn this_machine_is_reached_directly_where_the_environment_decides() {
    let rules = environment(&[("all_proxy", "a")]);
    check_direct(
        &rules,
        &["localhost", "LOCALHOST.", "App.localhost", "127.0.0.1", "127.9.9.9", "[::1]", "::ffff:127.0.0.1"],
        &["10.0.0.1", "notlocalhost", "localhost.example"],
    );
    check_direct(&except(""), &[], &["localhost", "127.0.0.1"]);
}

#[test]
fn a_variable_that_is_no_proxy_is_named_where_it_is_what_counts() {
    let invalid = |name| Err(InvalidProxyVariable { name, error: InvalidProxy::Scheme });
    let rules = environment(&[("HTTPS_PROXY", "ftp://x"), ("no_proxy", "direct.example")]);
    assert_eq!(rules.proxy_for(true, "server.example", 443), invalid("HTTPS_PROXY"));
    for (secure, host) in
        [(false, "server.example"), (true, "direct.example"), (true, "127.0.0.1"), (true, "localhost")]
    {
        assert_eq!(rules.proxy_for(secure, host, 443), Ok(None), "{host}");
    }
    let rules = environment(&[("all_proxy", "ftp://me:secret@x"), ("http_proxy", "h")]);
    assert_eq!(rules.proxy_for(false, "server.example", 80).unwrap().map(|proxy| proxy.host.as_str()), Some("h"));
    assert_eq!(rules.proxy_for(true, "server.example", 443), invalid("all_proxy"));
    let shown = format!("{rules:?} {}", rules.proxy_for(true, "server.example", 443).unwrap_err());
    assert!(shown.contains("all_proxy") && !shown.contains("secret"), "{shown}");
}
