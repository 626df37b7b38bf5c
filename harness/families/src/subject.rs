//! The subjects on which clients differ.

scep::named! {
    /// Something of a PKI on which a client may depend.
    Subject, "subject" {
        /// HTTP or HTTPS.
        Transport = "transport";
        /// The path of requests, which some clients extend.
        Path = "path";
        /// The `message=` of GetCACaps and GetCACert, which names a CA.
        Identifier = "identifier";
        /// The version of HTTP and the headers.
        Http = "http";
        /// Redirections.
        Redirection = "redirection";
        /// The text of GetCACaps.
        Capabilities = "capabilities";
        /// GET or POST for messages.
        Method = "method";
        /// The digests of messages.
        Digest = "digest";
        /// The ciphers of envelopes.
        Cipher = "cipher";
        /// The content type of the answer to GetCACert.
        ContentType = "content-type";
        /// Which certificates are in the answer to GetCACert.
        Certificates = "certificates";
        /// The order of these certificates.
        Order = "order";
        /// The key usage of the certificate that requests are enciphered to.
        Recipient = "recipient";
        /// The key usage of the certificate that signs replies.
        Signer = "signer";
        /// How a CA's certificate says that it is one.
        CaUsage = "ca-usage";
        /// The types of keys.
        Key = "key";
        /// The fingerprint that a user compares.
        Fingerprint = "fingerprint";
        /// The dates of certificates.
        Dates = "dates";
        /// Renewal.
        Renewal = "renewal";
        /// Requests that wait for a decision.
        Approval = "approval";
    }
}
