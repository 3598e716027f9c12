//! Names in Rust source, found by the lexer and the parser of the compiler's own grammar.

use std::str::FromStr as _;

use proc_macro2::{Ident, TokenStream, TokenTree};
use syn::punctuated::Punctuated;
use syn::{Attribute, Item, Meta, Token};

/// Every name and keyword of a file outside its comments and literals.
pub(crate) fn names_of_file(source: &str) -> Result<Vec<String>, String> {
    Ok(names_in(&TokenStream::from_str(source).map_err(|error| error.to_string())?))
}

/// Every name in the tokens, at any depth.
pub(crate) fn names_in(tokens: &TokenStream) -> Vec<String> {
    let names_of = |token| match token {
        TokenTree::Ident(name) => vec![plain(&name)],
        TokenTree::Group(group) => names_in(&group.stream()),
        _ => Vec::new(),
    };
    tokens.clone().into_iter().flat_map(names_of).collect()
}

/// A name without the `r#` of a raw identifier.
pub(crate) fn plain(name: &Ident) -> String {
    let name = name.to_string();
    name.strip_prefix("r#").unwrap_or(&name).to_owned()
}

/// `#[cfg(test)]`, also together with other conditions.
pub(crate) fn is_for_tests(attributes: &[Attribute]) -> bool {
    let conditions = attributes.iter().filter(|attribute| attribute.path().is_ident("cfg"));
    conditions.filter_map(|attribute| attribute.parse_args::<Meta>().ok()).any(|condition| needs_test(&condition))
}

fn needs_test(condition: &Meta) -> bool {
    let Meta::List(list) = condition else { return condition.path().is_ident("test") };
    let Ok(parts) = list.parse_args_with(Punctuated::<Meta, Token![,]>::parse_terminated) else { return false };
    (list.path.is_ident("all") && parts.iter().any(needs_test))
        || (list.path.is_ident("any") && parts.iter().all(needs_test))
}

/// The attributes of an item that may be compiled for tests alone.
pub(crate) fn attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Const(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Macro(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Trait(item) => &item.attrs,
        Item::Type(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => &[],
    }
}

#[cfg(test)]
#[path = "syntax_tests.rs"]
mod tests;
