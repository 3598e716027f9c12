//! The names that `use` brings into a module.

use syn::visit::{self, Visit};
use syn::{Ident, Item, ItemUse, UseTree, Visibility};

use crate::checks::syntax::{attributes, is_for_tests, plain};

/// One name that a `use` brings into a module.
pub(super) struct Import {
    /// The name, or `None` for a glob.
    pub(super) name: Option<String>,
    pub(super) path: Vec<String>,
    /// A re-export is an arrow only if its own file uses the name.
    pub(super) is_reexport: bool,
}

/// The imports of the items, also those inside of functions.
pub(super) fn imports_in(items: &[Item]) -> Vec<Import> {
    let mut finder = ImportFinder(Vec::new());
    items.iter().for_each(|item| finder.visit_item(item));
    finder.0
}

struct ImportFinder(Vec<Import>);

impl<'ast> Visit<'ast> for ImportFinder {
    fn visit_item(&mut self, item: &'ast Item) {
        if !matches!(item, Item::Mod(_)) && !is_for_tests(attributes(item)) {
            visit::visit_item(self, item);
        }
    }

    fn visit_item_use(&mut self, item: &'ast ItemUse) {
        self.0.extend(flatten(item));
    }
}

/// The names of a tree of imports.
fn flatten(item: &ItemUse) -> Vec<Import> {
    let is_reexport = !matches!(item.vis, Visibility::Inherited);
    let mut found = Vec::new();
    // `::name` and `name` differ only where a module has the name of a crate.
    if item.leading_colon.is_none() {
        walk(&item.tree, &mut Vec::new(), &mut |name, path| found.push(Import { name, path, is_reexport }));
    }
    found
}

fn walk(tree: &UseTree, before: &mut Vec<String>, found: &mut impl FnMut(Option<String>, Vec<String>)) {
    let joined = |name: &Ident, before: &[String]| {
        let mut path = before.to_vec();
        // `use a::{self}` names `a`.
        if name != "self" || before.is_empty() {
            path.push(plain(name));
        }
        path
    };
    match tree {
        UseTree::Path(path) => {
            before.push(plain(&path.ident));
            walk(&path.tree, before, found);
            before.pop();
        }
        UseTree::Name(name) => {
            let path = joined(&name.ident, before);
            found(path.last().cloned(), path);
        }
        UseTree::Rename(name) => found(Some(plain(&name.rename)), joined(&name.ident, before)),
        UseTree::Glob(_) => found(None, before.clone()),
        UseTree::Group(group) => group.items.iter().for_each(|tree| walk(tree, before, found)),
    }
}
