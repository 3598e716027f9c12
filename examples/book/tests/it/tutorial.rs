//! The four parts of the tutorial.

use silverback::Dialer;

use crate::support::{ask, enter, hear, log_in, say, start, within};

#[tokio::test]
async fn part_1_the_page_is_served_and_the_echo_answers() {
    let program = start(env!("CARGO_BIN_EXE_echo"));
    let (head, body) = ask(program.address, "GET /", &[], "").await;
    assert!(head.starts_with("HTTP/1.1 200") && body.contains("new WebSocket(url)"), "{head}\n{body}");
    let mut conn = enter(program.address, Dialer::new()).await;
    say(&mut conn, "hello").await;
    assert_eq!(hear(&mut conn).await, "hello");
    conn.close(1000, "").await.unwrap();
}

#[tokio::test]
async fn part_2_guests_hear_each_other_and_newcomers_get_the_last_messages() {
    let program = start(env!("CARGO_BIN_EXE_chat"));
    let mut ada = enter(program.address, Dialer::new()).await;
    say(&mut ada, "hello").await;
    assert_eq!(hear(&mut ada).await, "hello");
    let mut bob = enter(program.address, Dialer::new()).await;
    assert_eq!(hear(&mut bob).await, "hello");
    say(&mut bob, "hello Ada").await;
    assert_eq!([hear(&mut ada).await, hear(&mut bob).await], ["hello Ada", "hello Ada"]);
}

#[tokio::test]
async fn part_3_only_people_who_have_logged_in_enter() {
    let program = start(env!("CARGO_BIN_EXE_login"));
    let address = program.address;
    let url = format!("ws://{address}/ws");
    let (head, _) = ask(address, "POST /login", &[], "eve\ngold").await;
    assert!(head.starts_with("HTTP/1.1 401"), "{head}");
    for dialer in [Dialer::new(), Dialer::new().header("Cookie", "session=YWRh.9999999999.AAAA")] {
        let refused = within(dialer.dial(&url)).await.unwrap_err();
        assert_eq!(refused.refusal().unwrap().status, 401);
    }
    let cookie = log_in(address, "ada").await;
    let (_, page) = ask(address, "GET /", &[("Cookie", &cookie)], "").await;
    assert!(page.contains("<title>Chat</title>"), "{page}");
    let mut ada = enter(address, Dialer::new().header("Cookie", &cookie)).await;
    say(&mut ada, "hello").await;
    assert_eq!(hear(&mut ada).await, "ada: hello");
}

#[tokio::test]
async fn part_3_a_page_of_another_site_cannot_use_the_cookie_of_its_visitor() {
    let program = start(env!("CARGO_BIN_EXE_login"));
    let cookie = log_in(program.address, "ada").await;
    let dialer = Dialer::new().header("Cookie", &cookie).origin("https://evil.example");
    let refused = within(dialer.dial(&format!("ws://{}/ws", program.address))).await.unwrap_err();
    assert_eq!(refused.refusal().unwrap().status, 403);
}

#[tokio::test]
async fn part_3_logging_out_closes_the_websockets_of_the_user() {
    let program = start(env!("CARGO_BIN_EXE_login"));
    let cookie = log_in(program.address, "ada").await;
    let mut ada = enter(program.address, Dialer::new().header("Cookie", &cookie)).await;
    say(&mut ada, "hello").await;
    assert_eq!(hear(&mut ada).await, "ada: hello");
    let (head, _) = ask(program.address, "POST /logout", &[("Cookie", &cookie)], "").await;
    assert!(head.starts_with("HTTP/1.1 303") && head.contains("Max-Age=0"), "{head}");
    let _ = within(ada.read_message()).await;
    assert!(ada.close_info().unwrap().has_code([4501]));
}
