//! The one hand-over between the tools: a run, a verdict and a plan as versioned JSON, and their rendering.
//! It measures nothing and decides nothing: producers fill the model, `render` draws it from files.

pub mod cli;
pub mod console;
pub mod environment;
pub mod model;
pub mod near;
pub mod quantity;
pub mod render;
pub mod settings;
pub mod sla;
