//! The file of the prompt's history.

use std::{
    env,
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
};

/// The file, if there is a home for it; its folder is made.
pub(crate) fn default_file() -> Option<PathBuf> {
    let file = path(|name| env::var_os(name).filter(|value| !value.is_empty()))?;
    fs::create_dir_all(file.parent()?).ok()?;
    Some(file)
}

fn path(variable: impl Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
    let state = variable("XDG_STATE_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
    let state = state.or_else(|| Some(Path::new(&variable("HOME")?).join(".local/state")));
    let state = state.or_else(|| variable("LOCALAPPDATA").map(PathBuf::from));
    Some(state?.join("silverback/history"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_has_its_place_among_the_users_files() {
        let of = |set: &'static [(&str, &str)]| {
            path(move |name| set.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).into()))
        };
        assert_eq!(of(&[("XDG_STATE_HOME", "/s"), ("HOME", "/h")]), Some("/s/silverback/history".into()));
        assert_eq!(of(&[("XDG_STATE_HOME", "s"), ("HOME", "/h")]), Some("/h/.local/state/silverback/history".into()));
        assert_eq!(of(&[("LOCALAPPDATA", "/l")]), Some("/l/silverback/history".into()));
        assert_eq!(of(&[]), None);
    }
}
