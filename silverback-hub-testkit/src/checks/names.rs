//! The names of topics.

use silverback_hub::{Position, TopicName};

use crate::node::{Node, Nodes, texts_of, with_history};

/// No character of a name means anything to the broker.
pub async fn odd_names_are_topics_of_their_own(nodes: &impl Nodes) {
    let (one, mut two) = (Node::start(nodes).await, Node::start(nodes).await);
    let topic = with_history();
    let longest = "\u{1f980}".repeat(TopicName::MAX_LEN / 4) + "abc";
    let of_128 = "n".repeat(128);
    let names = ODD.iter().copied().chain([longest.as_str(), &of_128]);
    for name in names.clone() {
        two.subscribe(name, &topic).await;
    }
    for name in names.clone() {
        one.publish(name, &topic, name).await;
        let publication = two.delivered().await;
        assert_eq!(publication.topic.as_str(), name);
        assert_eq!(publication.message.as_bytes(), name.as_bytes());
    }
    for name in names {
        let replay = two.since(name, &topic, &Position::start()).await;
        assert!(replay.complete, "{name}");
        assert_eq!(texts_of(&replay), [name]);
    }
    two.expect_nothing().await;
}

const ODD: &[&str] = &[
    " ",
    "a b",
    " a",
    "a ",
    ".",
    "..",
    "a.b",
    ".a",
    "a.",
    "a..b",
    "*",
    "a*",
    "a.*",
    "**",
    ">",
    "a.>",
    "a>",
    "{}",
    "{a}",
    "{",
    "}",
    "{a",
    "a}",
    "x{a}y",
    "[a]",
    "?",
    "a?",
    "\\",
    "\\*",
    "'",
    "\"",
    "`",
    "$",
    "$JS.API.>",
    "$SYS",
    "_INBOX.x",
    "%",
    "%20",
    "#",
    "/",
    "a/b",
    "+",
    "=",
    "~",
    "^",
    "|",
    "&",
    ";",
    ",",
    "(",
    ")",
    "<",
    "!",
    "@",
    "-",
    "_",
    ":",
    "::",
    "a",
    "A",
    "0",
    "00",
    "\u{e9}",
    "e\u{301}",
    "\u{1f980}",
    "\u{1f468}\u{200d}\u{1f469}",
    "\u{202e}abc",
    "\u{feff}",
    "\u{a0}",
    "\u{65e5}\u{672c}",
];
