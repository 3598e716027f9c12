//! The memory of a member, counted on its thread.

#![allow(clippy::unwrap_used)]

use allocation_counter::measure;
use silverback::{Conn, Negotiated, Reader, Role, Settings};
use silverback_hub::{Hub, Identity, Member, Start};
use silverback_testkit::pipe::{Remote, pipe};
use tokio::{runtime::Builder, task::yield_now};

const MEMBERS: usize = 1000;

struct Held {
    _remote: Remote,
    _reader: Reader,
    _member: Option<Member>,
}

async fn hold(hub: Option<&Hub>) -> Vec<Held> {
    let mut held = Vec::with_capacity(MEMBERS);
    for _ in 0..MEMBERS {
        let (pipe, remote) = pipe();
        let conn = Conn::from_handshake(pipe, Role::Server, Negotiated::default(), [], &Settings::default());
        let (reader, member) = match hub {
            None => (conn.split().1, None),
            Some(hub) => {
                let (member, reader) = hub.join(conn, Identity::anonymous());
                member.subscribe("t", Start::Live).await.unwrap();
                (reader, Some(member))
            }
        };
        held.push(Held { _remote: remote, _reader: reader, _member: member });
    }
    held
}

#[test]
fn a_member_with_one_topic_takes_less_than_a_kibibyte_beside_its_connection() {
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    let hub = runtime.block_on(Hub::builder().shards(1).start()).unwrap();
    let mut held = Vec::new();
    let mut bytes = |hub: Option<&Hub>| {
        let info = measure(|| held.push(runtime.block_on(hold(hub))));
        usize::try_from(info.bytes_current).unwrap() / MEMBERS
    };
    // The first connection of a thread creates what the others share.
    bytes(None);
    let (without, with) = (bytes(None), bytes(Some(&hub)));
    assert!(with - without < 1024, "{with} bytes instead of {without}");

    // After a publication it is no more.
    let info = measure(|| {
        runtime.block_on(async {
            hub.publish("t", "x").await.unwrap();
            while hub.counters().delivered < MEMBERS as u64 {
                yield_now().await;
            }
        });
    });
    let grown = info.bytes_current / i64::try_from(MEMBERS).unwrap();
    assert!(grown < 512, "{grown} bytes more for each, pipes included");
}
