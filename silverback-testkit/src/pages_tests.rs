use super::{Block, Command, blocks_in, calls, spans_in};

fn words(line: &str) -> Vec<Vec<String>> {
    calls(line).into_iter().map(|call| call.words).collect()
}

#[test]
fn a_pipeline_is_split_into_its_commands() {
    assert_eq!(words("echo 'a b' | silverback -n 1 >out"), [vec!["echo", "a b"], vec!["silverback", "-n", "1"]]);
    assert_eq!(words("SECRET=a-b.c silverback \"$PWD/x y\"  # why"), [vec!["silverback", "$PWD/x y"]]);
    assert_eq!(words("a --fail-if 'p99>5ms' && b ''"), [vec!["a", "--fail-if", "p99>5ms"], vec!["b", ""]]);
    assert_eq!(words("a ws://h/?x=1"), [["a", "ws://h/?x=1"]]);
}

#[test]
fn commands_have_the_output_below_them_and_the_comment_above_their_block() {
    let page = "text\n```toml\nx = 1\n```\n\n<!-- not run: why -->\n```console\n$ a\nout\n$ b\n```\n\n```sh\n# why\nc d\n\ne\n```\n```ini\nExecStart=/f\n```\n";
    let command = |text: &str, output: &[&str]| Command {
        text: text.to_owned(),
        output: output.iter().map(|line| (*line).to_owned()).collect(),
    };
    let block = |place: &str, comment: Option<&str>, commands| Block {
        place: place.to_owned(),
        comment: comment.map(str::to_owned),
        above: Some("x = 1".to_owned()),
        commands,
    };
    assert_eq!(
        blocks_in("x.md", page),
        [
            block("x.md:7", Some("not run: why"), vec![command("a", &["out"]), command("b", &[])]),
            block("x.md:13", None, vec![command("c d", &[]), command("e", &[])]),
            block("x.md:19", None, vec![command("/f", &[])]),
        ]
    );
}

#[test]
fn spans_of_code_may_go_over_lines_and_those_of_blocks_do_not_count() {
    let page = "a `b\nc` d `e`\n\n```text\n`no`\n\n`no`\n```\n\n`f`\n";
    let expected = [("x.md:1", "b c"), ("x.md:1", "e"), ("x.md:10", "f")];
    assert_eq!(spans_in("x.md", page), expected.map(|(place, code)| (place.to_owned(), code.to_owned())));
}
