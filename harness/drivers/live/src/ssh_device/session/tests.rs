//! What is told of devices, and what a journal says of SCEP.

use super::*;

#[test]
fn of_a_journal_only_what_tells_of_scep_is_told() {
    let journal =
        "Nov 25 osdx kernel: up\nNov 25 osdx pki: SCEP GetCACaps\n\nNov 25 x: pkioperation failed";
    assert_eq!(
        scep_lines(journal),
        ["Nov 25 osdx pki: SCEP GetCACaps", "Nov 25 x: pkioperation failed"]
    );
}
