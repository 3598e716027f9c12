//! Shared ports, and who may not share them.
#![allow(clippy::unwrap_used)]

use std::net::TcpStream;

use super::*;
use crate::{
    error::Error,
    serving::listen::{Families, Place, bind_all, new_socket},
};

fn bind(text: &str) -> Vec<TcpListener> {
    tcp(bind_all(&[text.parse().unwrap()], None, || {}).unwrap().remove(0).listeners)
}

fn tcp(listeners: Vec<Listener>) -> Vec<TcpListener> {
    let of = |listener| match listener {
        Listener::Tcp(listener) => listener,
        Listener::Unix(listener) => panic!("{listener:?}"),
    };
    listeners.into_iter().map(of).collect()
}

fn share(listeners: &[TcpListener], threads: usize) -> Vec<Vec<TcpListener>> {
    share_all(listeners, false, threads)
}

fn share_all(listeners: &[TcpListener], is_given: bool, threads: usize) -> Vec<Vec<TcpListener>> {
    let listeners = listeners.iter().map(|listener| Listener::Tcp(listener.try_clone().unwrap())).collect();
    let bound = Bound { listeners, place: Place::Authority(String::new()), is_given };
    for_threads(&[bound], threads).unwrap().into_iter().map(tcp).collect()
}

/// A second socket on the port would have a queue of its own, which is lost with the program.
#[test]
fn a_socket_that_the_program_is_given_has_one_queue_for_all_threads() {
    let given = TcpListener::bind("127.0.0.1:0").unwrap();
    let sets = share_all(std::slice::from_ref(&given), true, 3);
    let address = given.local_addr().unwrap();
    let clients: Vec<_> = (0..100).map(|_| TcpStream::connect(address).unwrap()).collect();
    drop(sets);
    given.set_nonblocking(true).unwrap();
    assert_eq!((0..100).filter(|_| given.accept().is_ok()).count(), clients.len());
}

#[test]
fn each_thread_gets_a_listener_on_every_address() {
    let bound = bind("localhost:0");
    let sets = share(&bound, 3);
    let addresses = |set: &[TcpListener]| set.iter().map(|one| one.local_addr().unwrap()).collect::<Vec<_>>();
    assert_eq!(sets.len(), 3);
    for set in &sets {
        assert_eq!(addresses(set), addresses(&bound));
    }
}

#[test]
fn listeners_of_one_family_share_a_port_with_those_of_the_other() {
    if TcpListener::bind("[::]:0").is_err() {
        return;
    }
    let free = bind("[::]:0")[0].local_addr().unwrap().port();
    let addresses = [format!("0.0.0.0:{free}").parse().unwrap(), format!("[::]:{free}").parse().unwrap()];
    // Another program may have taken the port.
    let Ok(bound) = bind_all(&addresses, None, || {}) else { return };
    let bound = tcp(bound.into_iter().flat_map(|bound| bound.listeners).collect());
    for set in share(&bound, 2) {
        assert!(socket2::SockRef::from(&set[1]).only_v6().unwrap());
    }
    assert!(!socket2::SockRef::from(&share(&bind("[::]:0"), 1)[0][0]).only_v6().unwrap());
}

#[test]
fn connections_are_spread_over_the_listeners() {
    let mut listeners = bind("127.0.0.1:0");
    listeners.extend(share(&listeners, 1).remove(0));
    let address = listeners[0].local_addr().unwrap();
    // The chance that one of the two gets none of them is one in 2^127.
    let clients: Vec<_> = (0..128).map(|_| TcpStream::connect(address).unwrap()).collect();
    let counts: Vec<_> = listeners.iter().map(|one| std::iter::from_fn(|| one.accept().ok()).count()).collect();
    assert!(counts.iter().all(|&count| count > 0), "{counts:?}");
    assert_eq!(counts.iter().sum::<usize>(), clients.len());
}

#[test]
fn a_second_program_is_refused_on_a_shared_port() {
    let bound = bind("127.0.0.1:0");
    let _siblings = share(&bound, 2);
    let port = bound[0].local_addr().unwrap().port();
    for text in [format!("127.0.0.1:{port}"), format!("localhost:{port}"), format!("0.0.0.0:{port}")] {
        let error = bind_all(&[text.parse().unwrap()], None, || {}).unwrap_err();
        assert!(matches!(&error, Error::Network(line) if line.contains("in use")), "{error}");
    }
}

#[test]
fn one_thread_needs_no_shared_port() {
    let bound = bind("127.0.0.1:0");
    assert!(share(&bound, 0).is_empty());
    assert!(!socket2::SockRef::from(&bound[0]).reuse_port().unwrap());
}

/// Checks this also between the two steps of taking a port.
#[test]
fn a_program_that_has_bound_but_does_not_listen_yet_is_refused() {
    let address = bind("127.0.0.1:0")[0].local_addr().unwrap();
    let first = new_socket(address, Families::Own).unwrap();
    let second = new_socket(address, Families::Own).unwrap();
    first.bind(&address.into()).unwrap();
    second.bind(&address.into()).unwrap();
    first.listen(1).unwrap();
    let _siblings = share(&[first.into()], 1);
    assert_eq!(second.listen(1).unwrap_err().kind(), io::ErrorKind::AddrInUse);
}
