//! The modules of a crate, read file by file from its root, and which file uses which.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::{Path, PathBuf};

use syn::{Attribute, Expr, Item, ItemMod, Lit, Meta, UseTree, Visibility};

use super::paths;

/// A crate without its test modules. Its root is the first module.
pub(super) struct Crate {
    pub(super) modules: Vec<Module>,
    /// Below `src/`.
    files: Vec<PathBuf>,
}

/// A module, in a file of its own or in braces.
pub(super) struct Module {
    pub(super) items: Vec<Item>,
    pub(super) children: HashMap<String, usize>,
    pub(super) imports: Vec<Import>,
    parent: Option<usize>,
    file: usize,
    defined: HashSet<String>,
}

/// One name that a `use` brings into a module.
pub(super) struct Import {
    /// The name, or `None` for a glob.
    name: Option<String>,
    pub(super) path: Vec<String>,
    /// A re-export is an arrow only if its own file uses the name.
    pub(super) is_reexport: bool,
}

/// Which file uses which, by index into `files`, with one path that does so.
pub(super) struct Arrows {
    pub(super) files: Vec<PathBuf>,
    pub(super) uses: BTreeMap<(usize, usize), String>,
    /// Faults in words: imports of what the crate root only re-exports.
    pub(super) through_root: Vec<String>,
}

/// The contents of a file below `src/`, if there is one.
type Read<'a> = &'a dyn Fn(&Path) -> Option<String>;

impl Crate {
    pub(super) fn parse(root: &Path, read: Read<'_>) -> Result<Self, String> {
        let mut parsed = Self { modules: Vec::new(), files: Vec::new() };
        let source = read(root).ok_or_else(|| format!("{} cannot be read", root.display()))?;
        parsed.add_file(root.to_owned(), &source, PathBuf::new(), None, read)?;
        Ok(parsed)
    }

    /// `folder` is where the files of its child modules are.
    fn add_file(
        &mut self,
        file: PathBuf,
        source: &str,
        folder: PathBuf,
        parent: Option<usize>,
        read: Read<'_>,
    ) -> Result<usize, String> {
        let parsed = syn::parse_file(source).map_err(|error| format!("{}: {error}", file.display()))?;
        self.files.push(file);
        self.add_module(parsed.items, self.files.len() - 1, folder, parent, read)
    }

    fn add_module(
        &mut self,
        items: Vec<Item>,
        file: usize,
        folder: PathBuf,
        parent: Option<usize>,
        read: Read<'_>,
    ) -> Result<usize, String> {
        let index = self.modules.len();
        let defined = items.iter().filter_map(defined_name).collect();
        let imports = paths::imports_in(&items);
        self.modules.push(Module { items: Vec::new(), children: HashMap::new(), imports, parent, file, defined });
        let mut kept = Vec::new();
        for item in items {
            let Item::Mod(module) = item else {
                kept.push(item);
                continue;
            };
            if !is_for_tests(&module.attrs) {
                let name = plain(&module.ident);
                let child = self.add_child(module, file, &folder, index, read)?;
                self.modules[index].children.insert(name, child);
            }
        }
        self.modules[index].items = kept;
        Ok(index)
    }

    /// The module that a `mod` declares.
    fn add_child(
        &mut self,
        module: ItemMod,
        file: usize,
        folder: &Path,
        parent: usize,
        read: Read<'_>,
    ) -> Result<usize, String> {
        let name = plain(&module.ident);
        if let Some((_, items)) = module.content {
            return self.add_module(items, file, folder.join(&name), Some(parent), read);
        }
        let candidates = match path_attribute(&module.attrs) {
            Some(path) => {
                let beside = self.files[file].parent().unwrap_or(Path::new("")).to_owned();
                vec![(beside.join(&path), beside.join(path).parent().unwrap_or(Path::new("")).to_owned())]
            }
            None => [format!("{name}.rs"), format!("{name}/mod.rs")]
                .map(|file| (folder.join(file), folder.join(&name)))
                .into(),
        };
        for (path, folder) in candidates {
            if let Some(source) = read(&path) {
                return self.add_file(path, &source, folder, Some(parent), read);
            }
        }
        Err(format!("{}: the file of `mod {name}` was not found", self.files[file].display()))
    }

    pub(super) fn arrows(&self) -> Arrows {
        let mut arrows = Arrows { files: self.files.clone(), uses: BTreeMap::new(), through_root: Vec::new() };
        for (index, module) in self.modules.iter().enumerate() {
            let imported = module.imports.iter().filter(|import| !import.is_reexport).map(|import| import.path.clone());
            for path in imported.chain(paths::paths_in(&module.items)) {
                self.follow(index, &path, &mut arrows);
            }
        }
        arrows.through_root.sort();
        arrows.through_root.dedup();
        arrows
    }

    fn follow(&self, from: usize, path: &[String], arrows: &mut Arrows) {
        let Some(target) = self.resolve(from, path, 0).or_else(|| self.module_of(from, path)) else { return };
        let file = self.modules[from].file;
        let shown = path.join("::");
        if let Some(name) = self.name_taken_from_root(from, path) {
            let at = self.files[file].display();
            arrows.through_root.push(format!("{at}: `{shown}`: import `{name}` from its own module"));
        }
        if target != file {
            arrows.uses.entry((file, target)).or_insert(shown);
        }
    }

    /// The file that defines what a path in a module names; `None` for what other crates define.
    fn resolve(&self, from: usize, path: &[String], depth: usize) -> Option<usize> {
        // Globs and names that import themselves would be followed for ever.
        if depth > MOST_STEPS {
            return None;
        }
        let module = &self.modules[from];
        let Some((first, rest)) = path.split_first() else { return Some(module.file) };
        match first.as_str() {
            "crate" => return self.resolve(ROOT, rest, depth + 1),
            "self" => return self.resolve(from, rest, depth + 1),
            "super" => return self.resolve(module.parent?, rest, depth + 1),
            _ => {}
        }
        if let Some(child) = module.children.get(first) {
            return self.resolve(*child, rest, depth + 1);
        }
        if module.defined.contains(first) {
            return Some(module.file);
        }
        if let Some(import) = module.imports.iter().find(|import| import.name.as_ref() == Some(first)) {
            let whole: Vec<_> = import.path.iter().chain(rest).cloned().collect();
            // `use bytes::Bytes` names another crate: its path must not be looked up as a name of this module again.
            return (whole != path).then(|| self.resolve(from, &whole, depth + 1)).flatten();
        }
        let globs = module.imports.iter().filter(|import| import.name.is_none() && import.path != [first.as_str()]);
        globs.into_iter().find_map(|glob| {
            let whole: Vec<_> = glob.path.iter().chain(path).cloned().collect();
            self.resolve(from, &whole, depth + 1)
        })
    }

    /// The file of the module that a path leads to, for a last name that a macro makes or that is of another crate.
    fn module_of(&self, from: usize, path: &[String]) -> Option<usize> {
        let mut at = None;
        for segment in path {
            let here = at.unwrap_or(from);
            at = match segment.as_str() {
                "crate" => Some(ROOT),
                "self" => Some(here),
                "super" => Some(self.modules[here].parent?),
                name => match self.modules[here].children.get(name) {
                    Some(child) => Some(*child),
                    None => break,
                },
            };
        }
        at.map(|module| self.modules[module].file)
    }

    /// The name that a path takes from the crate root although another module defines it.
    fn name_taken_from_root<'p>(&self, from: usize, path: &'p [String]) -> Option<&'p str> {
        if from == ROOT {
            return None;
        }
        let mut at = from;
        for (index, segment) in path.iter().enumerate() {
            match segment.as_str() {
                "crate" => at = ROOT,
                "super" => at = self.modules[at].parent?,
                "self" => {}
                name => {
                    let root = &self.modules[ROOT];
                    let is_own = root.children.contains_key(name) || root.defined.contains(name);
                    return (index > 0 && at == ROOT && !is_own).then_some(name);
                }
            }
        }
        None
    }
}

/// The names of a tree of imports.
pub(super) fn flatten(item: &syn::ItemUse) -> Vec<Import> {
    let is_reexport = !matches!(item.vis, Visibility::Inherited);
    let mut found = Vec::new();
    // `::name` and `name` differ only where a module has the name of a crate.
    if item.leading_colon.is_none() {
        walk(&item.tree, &mut Vec::new(), &mut |name, path| found.push(Import { name, path, is_reexport }));
    }
    found
}

fn walk(tree: &UseTree, before: &mut Vec<String>, found: &mut impl FnMut(Option<String>, Vec<String>)) {
    let joined = |name: &syn::Ident, before: &[String]| {
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

fn defined_name(item: &Item) -> Option<String> {
    let name = match item {
        Item::Const(item) => &item.ident,
        Item::Enum(item) => &item.ident,
        Item::Fn(item) => &item.sig.ident,
        Item::Macro(item) => item.ident.as_ref()?,
        Item::Static(item) => &item.ident,
        Item::Struct(item) => &item.ident,
        Item::Trait(item) => &item.ident,
        Item::TraitAlias(item) => &item.ident,
        Item::Type(item) => &item.ident,
        Item::Union(item) => &item.ident,
        _ => return None,
    };
    Some(plain(name))
}

/// `#[cfg(test)]`, also together with other conditions.
pub(super) fn is_for_tests(attributes: &[Attribute]) -> bool {
    attributes.iter().filter(|attribute| attribute.path().is_ident("cfg")).any(|attribute| {
        let Meta::List(list) = &attribute.meta else { return false };
        let names = paths::names_in(&list.tokens);
        names.iter().any(|name| name == "test") && !names.iter().any(|name| name == "not" || name == "any")
    })
}

fn path_attribute(attributes: &[Attribute]) -> Option<String> {
    attributes.iter().find_map(|attribute| {
        let Meta::NameValue(pair) = &attribute.meta else { return None };
        let Expr::Lit(literal) = &pair.value else { return None };
        let Lit::Str(text) = &literal.lit else { return None };
        pair.path.is_ident("path").then(|| text.value())
    })
}

/// A name without the `r#` of a raw identifier.
pub(super) fn plain(name: &syn::Ident) -> String {
    let name = name.to_string();
    name.strip_prefix("r#").unwrap_or(&name).to_owned()
}

const ROOT: usize = 0;
const MOST_STEPS: usize = 16;
