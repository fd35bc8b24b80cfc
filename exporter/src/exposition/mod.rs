//! The Prometheus exposition of any product: descriptions, sample lines, units and pages of finished bytes.
//! It knows neither what is measured nor how a page is sent; a cluster here is just a name and a label.

mod deflate;
mod family;
mod openmetrics;
mod page;
mod publisher;
#[cfg(test)]
mod strict_reader;
mod text;
mod value;

pub use family::{Batch, Desc, Family, Kind, Level, Unit};
pub use page::{Format, Names, Page, PageUnit};
pub use publisher::Publisher;
pub use value::Value;
