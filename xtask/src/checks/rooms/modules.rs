//! The modules of a crate, read file by file from its root, and which file uses which.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::{Path, PathBuf};

use syn::{Attribute, Expr, Item, ItemMod, Lit, Meta};

use super::imports::{self, Import};
use super::paths;
use crate::checks::syntax::{is_for_tests, plain};

/// A crate without its test modules. Its root is the first module.
pub(super) struct Crate {
    pub(super) modules: Vec<Module>,
    /// Below `src/`.
    files: Vec<PathBuf>,
}

/// A module, in a file or in braces.
pub(super) struct Module {
    pub(super) items: Vec<Item>,
    pub(super) children: HashMap<String, usize>,
    pub(super) imports: Vec<Import>,
    parent: Option<usize>,
    file: usize,
    defined: HashSet<String>,
}

/// Which file uses which, by index into `files`, with one path that does so.
pub(super) struct Arrows {
    pub(super) files: Vec<PathBuf>,
    pub(super) uses: BTreeMap<(usize, usize), String>,
    /// Faults in words: imports of names that the crate root only re-exports.
    pub(super) through_root: Vec<String>,
}

/// The place that a path leads to.
struct End {
    /// The module, or the one that defines the item.
    module: usize,
    is_module: bool,
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
        let imports = imports::imports_in(&items);
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
            let imports = module.imports.iter().filter(|import| !import.is_reexport);
            let named = imports.clone().filter(|import| import.name.is_some()).map(|import| import.path.clone());
            for path in named.chain(paths::paths_in(&module.items)) {
                // An imported module is used through paths, and they say which of its files is meant. Elsewhere a name
                // that is also a module's is a variable.
                if self.resolve(index, &path, false, 0).is_some_and(|end| !end.is_module) {
                    self.follow(index, &path, &mut arrows);
                }
            }
            for glob in imports.filter(|import| import.name.is_none()) {
                self.follow(index, &glob.path, &mut arrows);
            }
        }
        arrows.through_root.sort();
        arrows.through_root.dedup();
        arrows
    }

    fn follow(&self, from: usize, path: &[String], arrows: &mut Arrows) {
        let Some(end) = self.resolve(from, path, false, 0) else { return };
        let (file, target) = (self.modules[from].file, self.modules[end.module].file);
        let shown = path.join("::");
        if let Some(name) = self.name_taken_from_root(from, path) {
            let at = self.files[file].display();
            arrows.through_root.push(format!("{at}: `{shown}`: import `{name}` from its own module"));
        }
        if target != file {
            arrows.uses.entry((file, target)).or_insert(shown);
        }
    }

    /// The end of a path in a module, or `None` for names of other crates. `is_inside`: an earlier part of the path has
    /// led here, so an unknown name belongs to this module too, for example one that a macro defines.
    fn resolve(&self, from: usize, path: &[String], is_inside: bool, depth: usize) -> Option<End> {
        // Imports may lead back to themselves.
        if depth > MOST_STEPS {
            return None;
        }
        let module = &self.modules[from];
        let Some((first, rest)) = path.split_first() else { return Some(End { module: from, is_module: true }) };
        let step = match first.as_str() {
            "crate" => Some(ROOT),
            "self" => Some(from),
            "super" => Some(module.parent?),
            name => module.children.get(name).copied(),
        };
        if let Some(next) = step {
            return self.resolve(next, rest, true, depth + 1);
        }
        let own = End { module: from, is_module: false };
        if module.defined.contains(first) {
            return Some(own);
        }
        let imported = module.imports.iter().find(|import| import.name.as_ref() == Some(first)).and_then(|import| {
            let whole: Vec<_> = import.path.iter().chain(rest).cloned().collect();
            self.resolve(from, &whole, false, depth + 1)
        });
        let globs = || module.imports.iter().filter(|import| import.name.is_none());
        let through_glob = || {
            globs().find_map(|glob| {
                let end = self.resolve(from, &glob.path, false, depth + 1)?;
                let is_known = end.is_module && self.modules[end.module].knows(first);
                is_known.then(|| self.resolve(end.module, path, true, depth + 1)).flatten()
            })
        };
        imported.or_else(through_glob).or_else(|| is_inside.then_some(own))
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

impl Module {
    fn knows(&self, name: &str) -> bool {
        let is_imported = || self.imports.iter().any(|import| import.name.as_deref() == Some(name));
        self.children.contains_key(name) || self.defined.contains(name) || is_imported()
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

fn path_attribute(attributes: &[Attribute]) -> Option<String> {
    attributes.iter().find_map(|attribute| {
        let Meta::NameValue(pair) = &attribute.meta else { return None };
        let Expr::Lit(literal) = &pair.value else { return None };
        let Lit::Str(text) = &literal.lit else { return None };
        pair.path.is_ident("path").then(|| text.value())
    })
}

const ROOT: usize = 0;
const MOST_STEPS: usize = 16;
