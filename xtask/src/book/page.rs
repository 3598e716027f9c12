//! A page of Markdown: its links, the anchors of its headings, and its blocks of code.

use std::collections::BTreeSet;

use pulldown_cmark::{CodeBlockKind, Event, Options, Parser, Tag, TagEnd};

/// What the checks need to know about a page.
#[derive(Debug, Default)]
pub(super) struct Page {
    pub(super) links: Vec<Link>,
    /// The ids that GitHub and mdBook give to the headings.
    pub(super) anchors: BTreeSet<String>,
    pub(super) blocks: Vec<Block>,
    /// Spans of code in sentences, with their lines.
    pub(super) spans: Vec<(String, usize)>,
}

/// A link or a picture.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Link {
    pub(super) target: String,
    pub(super) line: usize,
    /// Where the whole link is in the text, in bytes.
    pub(super) place: std::ops::Range<usize>,
}

/// A block of code.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Block {
    /// The words after the fence, such as `rust,no_run`.
    pub(super) info: String,
    pub(super) text: String,
    pub(super) line: usize,
    /// The HTML comment right above it, without its arrows.
    pub(super) comment: Option<String>,
}

pub(super) fn read(text: &str) -> Page {
    let mut page = Page::default();
    let mut heading: Option<String> = None;
    let mut block: Option<Block> = None;
    let mut comment: Option<String> = None;
    let line_at = |at: usize| text[..at].matches('\n').count() + 1;
    let options = Options::ENABLE_TABLES | Options::ENABLE_FOOTNOTES;
    for (event, place) in Parser::new_ext(text, options).into_offset_iter() {
        match event {
            Event::Start(Tag::Heading { .. }) => heading = Some(String::new()),
            Event::End(TagEnd::Heading(_)) => {
                let words = heading.take().unwrap_or_default();
                page.add_anchor(&words);
            }
            Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => {
                page.links.push(Link { target: dest_url.to_string(), line: line_at(place.start), place });
            }
            Event::Start(Tag::CodeBlock(kind)) => {
                let info = match kind {
                    CodeBlockKind::Fenced(info) => info.to_string(),
                    CodeBlockKind::Indented => String::new(),
                };
                block = Some(Block { info, text: String::new(), line: line_at(place.start), comment: comment.take() });
            }
            Event::End(TagEnd::CodeBlock) => page.blocks.extend(block.take()),
            Event::Text(words) => match (&mut block, &mut heading) {
                (Some(block), _) => block.text.push_str(&words),
                (None, Some(heading)) => heading.push_str(&words),
                (None, None) => {}
            },
            Event::Code(words) => {
                if let Some(heading) = &mut heading {
                    heading.push_str(&words);
                }
                page.spans.push((words.to_string(), line_at(place.start)));
            }
            // Also runs of HTML, which come in pieces.
            Event::Html(html) => comment = comment_in(&html).or(comment),
            Event::Start(Tag::HtmlBlock) => comment = None,
            Event::End(TagEnd::HtmlBlock) => {}
            Event::Start(_) => comment = None,
            _ => {}
        }
    }
    page
}

impl Page {
    fn add_anchor(&mut self, heading: &str) {
        let slug = slug(heading);
        let mut anchor = slug.clone();
        let mut count = 0;
        while !self.anchors.insert(anchor.clone()) {
            count += 1;
            anchor = format!("{slug}-{count}");
        }
    }
}

/// The id of a heading: lower case, hyphens for spaces, nothing else but letters, digits, hyphens and underscores.
fn slug(heading: &str) -> String {
    let kept = heading.trim().chars().filter(|c| c.is_alphanumeric() || c.is_whitespace() || matches!(c, '-' | '_'));
    kept.flat_map(char::to_lowercase).map(|c| if c.is_whitespace() { '-' } else { c }).collect()
}

fn comment_in(html: &str) -> Option<String> {
    Some(html.trim().strip_prefix("<!--")?.strip_suffix("-->")?.trim().to_owned())
}

#[cfg(test)]
#[path = "page_tests.rs"]
mod tests;
