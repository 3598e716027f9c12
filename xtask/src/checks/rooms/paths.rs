//! Every path that the items of a module spell out: in types, expressions, attributes and the arguments of macros.

use proc_macro2::{TokenStream, TokenTree};
use syn::visit::{self, Visit};
use syn::{Attribute, Field, ImplItem, Item, Macro, Meta, Stmt};

use crate::checks::syntax::{attributes, is_for_tests, plain};

/// The paths in the items, except in `use`, in child modules and in code for tests.
pub(super) fn paths_in(items: &[Item]) -> Vec<Vec<String>> {
    let mut finder = PathFinder(Vec::new());
    items.iter().for_each(|item| finder.visit_item(item));
    finder.0
}

struct PathFinder(Vec<Vec<String>>);

impl<'ast> Visit<'ast> for PathFinder {
    fn visit_item(&mut self, item: &'ast Item) {
        if !matches!(item, Item::Mod(_) | Item::Use(_)) && !is_for_tests(attributes(item)) {
            visit::visit_item(self, item);
        }
    }

    fn visit_impl_item(&mut self, item: &'ast ImplItem) {
        let is_left_out = matches!(item, ImplItem::Fn(function) if is_for_tests(&function.attrs));
        if !is_left_out {
            visit::visit_impl_item(self, item);
        }
    }

    fn visit_field(&mut self, field: &'ast Field) {
        if !is_for_tests(&field.attrs) {
            visit::visit_field(self, field);
        }
    }

    fn visit_stmt(&mut self, statement: &'ast Stmt) {
        let is_left_out = matches!(statement, Stmt::Local(local) if is_for_tests(&local.attrs));
        if !is_left_out {
            visit::visit_stmt(self, statement);
        }
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        if path.leading_colon.is_none() {
            self.0.push(path.segments.iter().map(|segment| plain(&segment.ident)).collect());
        }
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, call: &'ast Macro) {
        visit::visit_macro(self, call);
        paths_of_tokens(&call.tokens, &mut self.0);
    }

    fn visit_attribute(&mut self, attribute: &'ast Attribute) {
        if let Meta::List(list) = &attribute.meta {
            paths_of_tokens(&list.tokens, &mut self.0);
        }
    }

    fn visit_visibility(&mut self, _: &'ast syn::Visibility) {}
}

/// Collects names that are joined by `::`. A single name in a macro can have any meaning, so it counts only if it looks
/// like a type.
fn paths_of_tokens(tokens: &TokenStream, found: &mut Vec<Vec<String>>) {
    let mut path: Vec<String> = Vec::new();
    let mut colons = 0;
    let mut finish = |path: &mut Vec<String>| {
        let path = std::mem::take(path);
        if path.len() > 1 || path.first().is_some_and(|name| name.starts_with(char::is_uppercase)) {
            found.push(path);
        }
    };
    let mut groups = Vec::new();
    for token in tokens.clone() {
        match token {
            TokenTree::Ident(name) if colons == 2 && !path.is_empty() => path.push(plain(&name)),
            TokenTree::Ident(name) => {
                finish(&mut path);
                path.push(plain(&name));
            }
            TokenTree::Punct(mark) if mark.as_char() == ':' => {
                colons += 1;
                continue;
            }
            TokenTree::Group(group) => {
                finish(&mut path);
                groups.push(group.stream());
            }
            _ => finish(&mut path),
        }
        colons = 0;
    }
    finish(&mut path);
    groups.iter().for_each(|group| paths_of_tokens(group, found));
}
