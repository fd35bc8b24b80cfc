//! The simulator from outside: recordings, faults, the program itself.
//! Not here: units of the modules, which are tested beside their code.

mod client;
mod conservation;
mod determinism;
mod errors;
mod faults;
mod layout;
mod oracle;
mod ordered;
mod program;
mod shapes;
mod sources;
