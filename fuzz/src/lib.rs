//! The code behind the fuzz targets: it turns random bytes into conversations and checks the properties of each. The
//! files in `fuzz_targets` only call it.

pub mod agreement;
pub mod centrifugo;
mod cuts;
pub mod data;
pub mod deflate;
pub mod driver;
pub mod h3;
pub mod inflate;
pub mod twins;
mod zlib;
