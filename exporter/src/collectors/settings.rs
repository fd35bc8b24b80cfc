//! What the configuration switches inside the collectors: the counterpart of their own config sections.
//! Whether a collector runs at all is not its business.

/// Read by every collector, edited by none.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Settings {}
