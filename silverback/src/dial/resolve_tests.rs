#![allow(clippy::unwrap_used)]

use super::*;

fn addresses(texts: &[&str]) -> Vec<SocketAddr> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

#[test]
fn families_take_turns_and_the_systems_first_choice_stays_first() {
    for (found, order) in [
        (vec!["[::1]:1", "[::2]:1", "1.1.1.1:1", "2.2.2.2:1"], vec!["[::1]:1", "1.1.1.1:1", "[::2]:1", "2.2.2.2:1"]),
        (
            vec!["1.1.1.1:1", "2.2.2.2:1", "3.3.3.3:1", "[::1]:1"],
            vec!["1.1.1.1:1", "[::1]:1", "2.2.2.2:1", "3.3.3.3:1"],
        ),
        (vec!["1.1.1.1:1", "1.1.1.1:1"], vec!["1.1.1.1:1"]),
        (vec![], vec![]),
    ] {
        assert_eq!(interleave(addresses(&found)), addresses(&order));
    }
}

#[tokio::test]
async fn addresses_need_no_looking_up() {
    let none = Overrides::default();
    assert_eq!(resolve("127.0.0.1", 80, &none).await.unwrap(), addresses(&["127.0.0.1:80"]));
    assert_eq!(resolve("::1", 80, &none).await.unwrap(), addresses(&["[::1]:80"]));
    assert_eq!(resolve("::ffff:127.0.0.1", 80, &none).await.unwrap(), addresses(&["127.0.0.1:80"]));
}

#[tokio::test]
async fn localhost_and_the_names_below_it_are_this_machine() {
    let mut given = Overrides::default();
    given.add("given.localhost", "10.0.0.1:0".parse().unwrap());
    for host in ["localhost", "localhost.", "app.localhost", "a.b.localhost."] {
        assert_eq!(resolve(host, 80, &given).await.unwrap(), addresses(&["127.0.0.1:80", "[::1]:80"]), "{host}");
    }
    assert_eq!(resolve("given.localhost", 80, &given).await.unwrap(), addresses(&["10.0.0.1:80"]));
    for host in ["notlocalhost", "localhost.example", "localhost..", ""] {
        assert!(!is_localhost(host), "{host}");
    }
}

#[tokio::test]
async fn what_the_application_gives_is_not_looked_up() {
    let mut given = Overrides::default();
    given.add("A.Example", "10.0.0.1:0".parse().unwrap());
    given.add("a.example", "[::1]:99".parse().unwrap());
    given.add("[::2]", "10.0.0.2:0".parse().unwrap());
    assert_eq!(resolve("a.example", 80, &given).await.unwrap(), addresses(&["10.0.0.1:80", "[::1]:99"]));
    assert_eq!(resolve("::2", 80, &given).await.unwrap(), addresses(&["10.0.0.2:80"]));
}

#[test]
fn what_is_given_for_one_port_is_for_no_other() {
    let mut given = Overrides::default();
    given.add("a.example:443", "10.0.0.1:0".parse().unwrap());
    given.add("[::2]:443", "10.0.0.2:99".parse().unwrap());
    given.add("::3", "10.0.0.3:0".parse().unwrap());
    assert_eq!(given.addresses("a.example", 443), addresses(&["10.0.0.1:443"]));
    assert_eq!(given.addresses("a.example", 80), []);
    assert_eq!(given.addresses("::2", 443), addresses(&["10.0.0.2:99"]));
    assert_eq!(given.addresses("::2", 80), []);
    assert_eq!(given.addresses("::3", 80), addresses(&["10.0.0.3:80"]));
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_zone_names_an_interface_of_this_machine() {
    // The loopback interface has number 1 on every machine.
    for (host, ip) in [("fe80::1%lo", "fe80::1"), ("fe80::1%1", "fe80::1"), ("::1%lo", "::1"), ("fd00::2%1", "fd00::2")]
    {
        let found = resolve(host, 80, &Overrides::default()).await.unwrap();
        let zones: Vec<_> = found
            .iter()
            .map(|address| match address {
                SocketAddr::V6(address) => (address.ip().to_string(), address.scope_id()),
                SocketAddr::V4(_) => panic!("{address}"),
            })
            .collect();
        assert_eq!(zones, [(ip.to_owned(), 1)], "{host}");
    }
    for host in ["fe80::1%nosuch0", "::1%nosuch0"] {
        let error = resolve(host, 80, &Overrides::default()).await.unwrap_err();
        assert!(error.to_string().contains("no network interface `nosuch0`"), "{error}");
    }
}

#[tokio::test]
async fn a_name_that_nobody_has_is_an_error() {
    // RFC 6761, 6.4: `invalid` is never in the DNS.
    resolve("nobody.invalid", 80, &Overrides::default()).await.unwrap_err();
}
