//! What the fuzz targets share: how drawn bytes become conversations, and what must hold in each.
//! A target is the name of a question; the work is done here.

pub mod agreement;
mod cuts;
pub mod data;
pub mod deflate;
pub mod driver;
pub mod inflate;
pub mod twins;
mod zlib;
