//! The Prometheus exposition of any product: descriptions, sample lines, units and pages of finished bytes.
//! It knows neither what is measured nor how a page is sent; a cluster here is just a name and a label.

mod cardinality;
mod deflate;
mod family;
mod openmetrics;
mod page;
mod publisher;
mod rules;
mod shelf;
#[cfg(test)]
mod strict_reader;
mod text;
mod value;

pub use cardinality::Limits;
pub use family::{Batch, Desc, Family, Kind, Level, Unit};
pub use page::{Format, Names, Page, PageUnit};
pub use publisher::Publisher;
pub use rules::{Rules, anchored};
pub use value::Value;
