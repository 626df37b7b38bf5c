//! What is wrong with the challenge password of a request.

scep::named! {
    /// What is wrong with the challenge password of a refused request (RFC 8894 §2.4).
    #[non_exhaustive]
    PasswordProblem, "problem with a challenge password" {
        /// The request has none.
        Missing = "missing";
        /// It is empty.
        Empty = "empty";
        /// It is at a place where it authorises nothing.
        Misplaced = "misplaced";
        /// It is not the one of this CA.
        Wrong = "wrong";
        /// It is valid once, and was used.
        Used = "used";
        /// It is too old.
        Expired = "expired";
    }
}
