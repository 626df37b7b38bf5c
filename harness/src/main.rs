//! The binary `sceplab`.
fn main() {}
