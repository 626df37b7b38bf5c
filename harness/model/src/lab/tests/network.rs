//! Addresses, subnets and routes.

use diagnostics::Location;

use super::*;

#[test]
fn duplicate_addresses_and_overlapping_subnets_are_rejected() {
    let wrong = "hosts:\n  a: {addresses: [10.0.0.1/24]}\n  b: {addresses: [10.0.0.1/16]}\n";
    assert_eq!(
        errors(wrong),
        [
            "`10.0.0.1` is an address of host `a` already",
            "subnet `10.0.0.0/16` overlaps with `10.0.0.0/24` but differs from it",
        ]
    );
}

#[test]
fn routes_that_lead_nowhere_are_rejected() {
    let wrong = DOCUMENTED
        .replace(
            "{192.168.212.0/22: 10.0.12.2}",
            "{192.168.212.0/22: 10.0.12.3, 10.9.0.0/16: 10.0.12.2, 10.9.1.2/16: 10.0.12.2}",
        )
        .replace("10.0.12.1/30]", "10.0.12.1/29]")
        .replace("10.0.12.2/30", "10.0.12.2/29")
        .replace("192.168.212.1/22], forwards: true", "192.168.212.1/22]");
    assert_eq!(
        errors(&wrong),
        [
            "next hop `10.0.12.3` is no host's address",
            "next hop `10.0.12.2` is host `core`, which does not forward",
            "`10.9.1.2/16` is an address; a route leads to a subnet",
            "next hop `10.0.12.2` is host `core`, which does not forward",
            "there is a route to `10.9.0.0/16` already",
            "next hop `192.168.212.1` is host `core`, which does not forward",
            "no device can reach the PKI `windows-pki`",
        ]
    );
}

#[test]
fn addresses_names_and_routes_that_a_kernel_refuses_are_rejected() {
    let wrong = "devices:
  LocalHost: {interfaces: {eth0: 224.1.0.0/24}}
hosts:
  localhost: {addresses: [224.1.0.1/24, 127.0.0.2/8, 255.255.255.255/32]}
  a: {addresses: [10.0.0.1/24], routes: {10.0.0.0/24: 10.0.0.2, 10.8.0.0/16: 10.0.0.255}}
  b: {addresses: [10.0.0.2/24], forwards: true, routes: {10.7.0.0/16: 10.0.0.0}}
";
    let shown = |error: Diagnostic| match error.location {
        Location::Excerpt(excerpt) => {
            let place = excerpt.text.chars().skip(excerpt.indent).take(excerpt.width);
            format!("{}: {}", place.collect::<String>(), error.message)
        }
        other => panic!("{other:?}"),
    };
    let found: Vec<String> = load(wrong).unwrap_err().into_iter().map(shown).collect();
    assert_eq!(
        found,
        [
            "LocalHost: `LocalHost` is reserved: it means the host itself",
            "224.1.0.0/24: `224.1.0.0/24` cannot be the address of a host",
            "localhost: `localhost` is reserved: it means the host itself",
            "localhost: `localhost` is the name of a device already",
            "224.1.0.1/24: `224.1.0.1/24` cannot be the address of a host",
            "127.0.0.2/8: `127.0.0.2/8` cannot be the address of a host",
            "255.255.255.255/32: `255.255.255.255/32` cannot be the address of a host",
            "10.0.0.0/24: the host is in `10.0.0.0/24` itself",
            "10.0.0.255: next hop `10.0.0.255` is the subnet's own or its broadcast address",
            "10.0.0.0: next hop `10.0.0.0` is the subnet's own or its broadcast address",
        ]
    );
}

#[test]
fn a_pki_without_a_route_there_and_back_is_unreachable() {
    let unreachable = ["no device can reach the PKI `windows-pki`"];
    for (given, instead) in [
        (", routes: {192.168.212.0/22: 10.0.12.2}", ""),
        (", routes: {10.215.168.0/24: 10.0.12.1}", ""),
        (", routes: {default: 192.168.212.1}", ""),
        (", routes: {192.168.212.0/22: 10.0.12.2}", ", routes: {10.9.0.0/16: 10.0.12.2}"),
    ] {
        assert_eq!(errors(&DOCUMENTED.replace(given, instead)), unreachable, "{given}");
    }
    let deaf = DOCUMENTED.replace("10.0.12.1/30], forwards: true", "10.0.12.1/30]");
    assert!(errors(&deaf).contains(&unreachable[0].to_owned()));
}
