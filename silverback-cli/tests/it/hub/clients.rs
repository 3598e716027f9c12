//! Clients of Centrifugo.

use serde_json::json;
use silverback::Dialer;

use super::{command, connect, frame, start, subscribe};
use crate::support::{Program, get, run, within};

#[tokio::test]
async fn without_configuration_everybody_on_this_machine_may_subscribe_and_publish() {
    let program = start(&[]);
    let (mut ann, mut bob) = (connect(program.address).await, connect(program.address).await);
    subscribe(&mut ann, "chat:7").await;
    subscribe(&mut bob, "chat:7").await;
    within(ann.write_message(json!({"id": 3, "publish": {"channel": "chat:7", "data": {"text": "hi"}}}).to_string()))
        .await
        .unwrap();
    let push = frame(&mut bob).await;
    assert_eq!(push["push"]["channel"], "chat:7", "{push}");
    assert_eq!(push["push"]["pub"]["data"], json!({"text": "hi"}), "{push}");
    let presence = command(&mut bob, json!({"id": 4, "presence_stats": {"channel": "chat:7"}})).await;
    assert_eq!(presence["presence_stats"]["num_clients"], 2, "{presence}");
    let history = command(&mut bob, json!({"id": 5, "history": {"channel": "chat:7", "limit": 10}})).await;
    assert_eq!(history["history"]["publications"][0]["data"], json!({"text": "hi"}), "{history}");
}

#[tokio::test]
async fn the_subprotocol_selects_protobuf() {
    let program = start(&[]);
    let url = format!("ws://{}/connection/websocket", program.address);
    let dialer = Dialer::new().subprotocols(["centrifuge-protobuf"]);
    let mut conn = within(dialer.dial(&url)).await.unwrap();
    assert_eq!(conn.subprotocol().unwrap().as_str(), "centrifuge-protobuf");
    // A command with id 1 and an empty `connect`, after its length.
    within(conn.write_message(vec![4, 0x08, 1, 0x22, 0])).await.unwrap();
    let reply = within(conn.read_message()).await.unwrap().unwrap().into_data();
    // The length comes first, then id 1.
    assert_eq!(reply[1..3], [0x08, 1], "{reply:?}");
}

#[test]
fn on_an_address_of_the_network_nobody_is_let_in_by_default() {
    let (code, out, errors) = run(&["hub", "--listen", "0.0.0.0:0"], &[]);
    assert_eq!((code, out.as_str()), (Some(2), ""));
    assert!(errors.contains("nobody could connect") && errors.contains("--open"), "{errors}");
    let program = Program::start_with(&["hub", "--open"], &[("SILVERBACK_LISTEN", "0.0.0.0:0")]);
    assert_eq!(get(program.address, "/readyz").status, 200);
}

#[test]
fn the_hub_says_where_everything_is() {
    let program = start(&[]);
    for path in ["/healthz", "/readyz"] {
        assert_eq!((get(program.address, path).status, get(program.address, path).body.as_str()), (200, "ok"));
    }
    let visit = get(program.address, "/");
    assert_eq!(visit.status, 200);
    for path in ["/connection/websocket", "/ws/topic/NAME", "/api/METHOD"] {
        assert!(visit.body.contains(path), "{}", visit.body);
        assert!(program.output().contains(path), "{}", program.output());
    }
    assert_eq!(get(program.address, "/nothing").status, 404);
    assert_eq!(get(program.address, "/connection/websocket").status, 426);
}
