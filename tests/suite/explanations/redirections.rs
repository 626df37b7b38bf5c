//! A redirection in place of an answer.

use std::fs;
use std::path::Path;

use super::{Canned, enrol, enrol_in, http, says, typed};
use crate::suite::sceplab::{run_in, workspace};

#[test]
fn redirection_is_shown_with_its_address() {
    for (status, location, words) in [
        (
            "301 Moved Permanently",
            "/scep/?operation=GetCACaps",
            "HTTP 301, moved to `/scep/?operation=GetCACaps`; redirections are not followed: use the address `/scep/`",
        ),
        (
            "302 Found",
            "https://pki.example.com/scep",
            "HTTP 302, moved to `https://pki.example.com/scep`; redirections are not followed: use the address `https://pki.example.com/scep`",
        ),
        (
            "307 Temporary Redirect",
            "http://login.example.com/",
            "HTTP 307, moved to `http://login.example.com/`",
        ),
        ("308 Permanent Redirect", "../new", "HTTP 308, moved to `../new`"),
    ] {
        let moved = http(status, &[("Location", location)], b"");
        // Of GetCACaps, too: it is no sign of an old CA without capabilities.
        let all = Canned::start(&[("*", moved.clone())]);
        says(&enrol(&all, &[]), 3, &format!("GetCACaps was answered {words}"));
        let other = Canned::start(&[
            ("GetCACaps", typed("200 OK", "text/plain", b"AES")),
            ("*", moved.clone()),
        ]);
        says(&enrol(&other, &[]), 3, &format!("GetCACert was answered {words}"));
        let health = run_in(Path::new("/"), &["health", &all.url()]);
        says(&health, 3, &format!("GetCACaps was answered {words}"));
        let page = format!("http://{}/certsrv/mscep_admin/", all.authority);
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("pw"), "pw\n").unwrap();
        let admin = ["--ndes-admin", &page, "--admin-user", "u", "--admin-password-file", "pw"];
        says(
            &enrol_in(folder.path(), &all.url(), &admin),
            3,
            &format!("mscep_admin: was answered {words}"),
        );
        let conform = run_in(workspace(), &["conform", &all.url()]);
        says(&conform, 3, words);
    }
    let without = Canned::start(&[("*", http("302 Found", &[], b""))]);
    says(
        &enrol(&without, &[]),
        3,
        "GetCACaps was answered HTTP 302, a redirection without a Location",
    );
}
