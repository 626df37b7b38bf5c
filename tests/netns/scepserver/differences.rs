//! The differences between scepserver and `linux` that stay, each with its reason.

/// A difference that stays.
pub(super) struct Difference {
    /// Name of the input: a case of conformance, a mutated message, or an input of `inputs.rs`.
    pub(super) input: &'static str,
    /// The facts that differ: scepserver's value → that of `linux`.
    pub(super) facts: &'static str,
    /// The reason why `linux` is not like its model there.
    #[expect(dead_code, reason = "for readers")]
    reason: &'static str,
}

const fn difference(input: &'static str, facts: &'static str, reason: &'static str) -> Difference {
    Difference { input, facts, reason }
}

const TAKEN_THERE: &str = "http 200 → 500; issued 1 → 0; status SUCCESS → absent";
const REFUSED_AS_HTTP: &str = "http 500 → 200; issued 0 → 1; status absent → SUCCESS";
const REFUSED_THERE: &str = "failInfo badRequest → absent; issued 0 → 1; status FAILURE → SUCCESS";

const BOUNDED: &str =
    "the mock CA keeps what it received, so the length of each attribute is bounded";
const RARE_STRING: &str =
    "the mock CA reads strings of every type; no client is known to send this one there";
const CHALLENGES: &str = "scepserver reads the attributes with code of its own; no client is known to send two challenge passwords";

pub(super) const DIFFERENCES: &[Difference] = &[
    difference("robustness/huge-nonce", TAKEN_THERE, BOUNDED),
    difference("input: senderNonce of 65 bytes", TAKEN_THERE, BOUNDED),
    difference("input: senderNonce of 1000 bytes", TAKEN_THERE, BOUNDED),
    difference("input: transactionID of 257 characters", TAKEN_THERE, BOUNDED),
    difference("input: transactionID of 3000 characters", TAKEN_THERE, BOUNDED),
    difference("input: transactionID VisibleString \"plain\"", REFUSED_AS_HTTP, RARE_STRING),
    difference("input: challenge password as VisibleString", REFUSED_AS_HTTP, RARE_STRING),
    difference(
        "input: messageType \"18\"",
        TAKEN_THERE,
        "UpdateReq is a messageType of older drafts, which no known client sends",
    ),
    difference("input: challenge password of two values", TAKEN_THERE, CHALLENGES),
    difference(
        "input: right challenge password before a wrong one",
        "failInfo badRequest → absent; http 200 → 500; status FAILURE → absent",
        CHALLENGES,
    ),
    difference("input: wrong challenge password before the right one", TAKEN_THERE, CHALLENGES),
    difference(
        "input: certification request without attributes",
        "failInfo absent → badRequest; http 500 → 200; status absent → FAILURE",
        "the mock CA reads such a request and finds no challenge password in it, which is the better reason",
    ),
    difference(
        "input: certification request signed with MD5",
        REFUSED_THERE,
        "scepserver signs a certificate with the digest of its request, and never with MD5; the mock CA signs with SHA-256",
    ),
    difference(
        "input: subject with `/`",
        REFUSED_THERE,
        "scepserver names a file after the CN; the mock CA has no such file",
    ),
    difference(
        "input: subject without names",
        REFUSED_THERE,
        "scepserver finds the empty name at the end of each line of its index",
    ),
];
