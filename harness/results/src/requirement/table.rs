//! The requirements in the RFC's words (RFC 8894, September 2020).

use super::{End, Level, Requirement};

/// Makes the table: number, level, section, ends and sentence of each requirement, and the reason for each end that no case
/// can test.
macro_rules! requirements {
    ($(
        $id:ident $level:ident $section:literal [$($end:ident),+]
        $sentence:literal $(untestable $untested:ident $reason:literal)*;
    )+) => {
        pub(super) const REQUIREMENTS: &[Requirement] = &[$(Requirement {
            id: stringify!($id),
            ends: &[$(End::$end),+],
            level: Level::$level,
            section: $section,
            sentence: $sentence,
            untestable: &[$((End::$untested, $reason)),*],
        }),+];
    };
}

requirements! {
    R01 Must "3.5" [Server]
        "CAs MUST implement the GetCACaps message to allow clients to query which functionality is available from the CA.";
    R02 Must "2.9" [Server, Client]
        "At a minimum, all SCEP implementations compliant with this specification MUST support GetCACaps, GetCACert, PKCSReq (and its associated response messages)";
    R03 Must "4.1" [Client]
        "If the remote CA supports POST, the CMS-encoded SCEP messages MUST be sent via HTTP POST instead of HTTP GET.";
    R04 Must "2.9" [Server, Client]
        "all SCEP implementations compliant with this specification MUST support […] the AES128-CBC and SHA-256 algorithms to secure pkiMessages";
    R05 May "2.9" [Server, Client]
        "For historical reasons, implementations MAY support communications of binary data via HTTP GET, and the triple DES-CBC and SHA-1 algorithms to secure pkiMessages.";
    R06 Must "2.9" [Server, Client]
        "Implementations MUST NOT support the obsolete and/or insecure single DES and MD5 algorithms used in earlier versions of this specification";
    R07 Should "4.1" [Server]
        "The CA SHOULD ignore the SCEPPATH unless its precise format is critical to the CA's operation.";
    R08 Must "4.1" [Client]
        "When using GET messages to communicate binary data, base64 encoding as specified in Section 4 of [RFC4648] MUST be used. […] thus, it MUST be escaped as specified in [RFC3986]";
    R09 Must "4.3" [Client]
        "The OPERATION MUST be set to \"PKIOperation\".";
    R10 Must "4.3" [Client]
        "When implemented using HTTP POST, the message is sent with a Content-Type of \"application/x-pki-message\"";
    R11 Must "3.5.2" [Server]
        "The CA MUST use the text case specified here";
    R12 Must "3.5.2" [Client]
        "Clients MUST accept the standard HTTP-style text delimited by <CR><LF> as well as the text delimited by <LF> specified in an earlier draft version of this specification.";
    R13 Must "3.5.2" [Client]
        "A client MUST be able to accept and ignore any unknown keywords that might be sent by a CA.";
    R14 Should "3.5.2" [Client]
        "A client that receives an empty message or an HTTP error SHOULD interpret the response as if none of the capabilities listed are supported by the CA.";
    R15 Should "3.5.2" [Server, Client]
        "The Content-type of the reply SHOULD be \"text/plain\". Clients SHOULD ignore the Content-type";
    R16 Must "3.5.2" [Client]
        "This keyword implies \"AES\", \"POSTPKIOperation\", and \"SHA-256\", as well as the provisions of Section 2.9.";
    R17 Should "3.5.2" [Client]
        "The client SHOULD use SHA-256 in preference to SHA-1 hashing and AES128-CBC in preference to triple DES-CBC if they are supported by the CA.";
    R18 May "7.5" [Client]
        "One simple countermeasure to a GetCACaps downgrade attack is for clients that are operating in an environment where on-path attacks are possible and that expect the \"SCEPStandard\" capability to be indicated by the CA but don't see it in the GetCACaps response to treat its absence as a security issue, and either discontinue the exchange or continue as if \"SCEPStandard\" had been returned";
    R19 May "3.5.2" [Server]
        "A CA MAY provide additional keywords advertising further capabilities and functionality.";
    R20 Must "4.2.1.1" [Server]
        "If the CA does not have any intermediate CA certificates, the response consists of a single X.509 CA certificate.";
    R21 Must "2.1.2" [Server]
        "the keyUsage extension in the CA certificate MUST indicate that it is valid for digitalSignature and keyEncipherment (if the key is to be used for en/decryption)";
    R22 Must "2.2" [Client]
        "clients MUST verify intermediate-level CA certificates before use during protocol exchanges in case the intermediate CA certificate has expired or otherwise been invalidated.";
    R23 Must "3.4" [Server]
        "the content field of the ContentInfo value of a degenerate certificates-only SignedData MUST be omitted.";
    R24 Must "3.2" [Server, Client]
        "The eContentType in encapsulatedContentInfo MUST be data ({pkcs-7 1}). […] The SignerInfo MUST contain a set of authenticatedAttributes.";
    R25 Must "3.2.2" [Server, Client]
        "contentType in encryptedContentInfo MUST be data ({pkcs-7 1}). […] encryptedContent MUST be the SCEP message being transported and MUST match the messageType authenticated Attribute in the pkiMessage.";
    R26 Must "3.2.1" [Server, Client]
        "At a minimum, all messages MUST contain the following authenticatedAttributes: […] A transactionID attribute […] A messageType attribute […] A fresh senderNonce attribute […] Any attributes required by CMS.";
    R27 Must "3.2.1" [Server]
        "If the message is a CertRep, it MUST also include the following authenticatedAttributes: […] A pkiStatus attribute […] failInfo and optional failInfoText attributes if pkiStatus = FAILURE. […] A recipientNonce attribute copied from the senderNonce in the request that this is a response to.";
    R28 Must "3.2.1" [Server, Client]
        "The following transaction attributes are encoded as authenticated attributes […] transactionID PrintableString […] messageType PrintableString […] pkiStatus PrintableString […] failInfo PrintableString […] failInfoText UTF8String […] senderNonce OCTET STRING […] recipientNonce OCTET STRING";
    R29 Must "3.2.1.1" [Server, Client]
        "The client MUST use a unique string as the transaction identifier, encoded as a PrintableString, which MUST be used for all PKI messages exchanged for a given operation";
    R30 Must "3.2.1.2" [Server, Client]
        "Message types not defined above MUST be treated as errors unless their use has been negotiated through GetCACaps.";
    R31 Must "3.2.1.5" [Server, Client]
        "The recipient MUST copy the senderNonce into the recipientNonce of the reply as a proof of liveliness. The original sender MUST verify that the recipientNonce of the reply matches the senderNonce it sent in the request. If the nonce does not match, then the message MUST be rejected.";
    R32 Should "3.1" [Server, Client]
        "This alternative processing mechanism SHOULD NOT be used since it exposes in cleartext the challengePassword used to authorise the certificate issue.";
    R33 Must "2.3" [Client]
        "it MUST be included in the signedData certificates field";
    R34 Must "2.3" [Client]
        "If the client does not have an appropriate existing certificate, then a locally generated self-signed certificate MUST be used. The keyUsage extension in the certificate MUST indicate that it is valid for digitalSignature and keyEncipherment (if available).";
    R35 Must "2.3" [Client]
        "the client MUST use the selected certificate's key when signing the CMS envelope";
    R36 Must "3.3.1" [Client]
        "The certificate request MUST contain at least the following items: […] The subject Distinguished Name. […] The subject public key. […] For a PKCSReq, if authorisation based on a shared secret is being used, a challengePassword attribute.";
    R37 Should "2.4" [Client]
        "A client that is performing certificate renewal as per Section 2.5 SHOULD omit the challengePassword";
    R38 Must "2.4" [Server]
        "The SCEP CA MUST NOT attempt to authenticate a client based on a self-signed certificate unless it has been verified through out-of-band means such as a certificate fingerprint.";
    R39 Should "2.3" [Client]
        "If the client already has a certificate issued by the SCEP CA, and the CA supports renewal, that certificate SHOULD be used.";
    R40 Must "3.3.2.1" [Server]
        "The reply MUST contain at least the issued certificate in the certificates field of the SignedData. […] the issued certificate MUST be the leaf certificate.";
    R41 Must "3.3.2.2" [Server]
        "the reply MUST also contain a failInfo attribute set to the appropriate error condition describing the failure. […] The pkcsPKIEnvelope MUST be omitted.";
    R42 Must "3.3.2.3" [Server]
        "When the pkiStatus attribute is set to PENDING, the pkcsPKIEnvelope MUST be omitted.";
    R43 Must "3.2.1.4" [Server]
        "The failInfo attribute MUST contain one of the following failure reasons";
    R44 May "3.2.1.4" [Server]
        "badTime […] The signingTime attribute from the CMS authenticatedAttributes was not sufficiently close to the system time.";
    R45 Must "4.3.1" [Server]
        "The response will have a Content-Type of \"application/x-pki-message\".";
    R46 Must "4.4" [Server, Client]
        "CertPoll messages exchanged during the polling period MUST carry the same transactionID attribute as the previous PKCSReq/RenewalReq. A CA receiving a CertPoll for which it does not have a matching PKCSReq/RenewalReq MUST reject this request.";
    R47 Should "3.3.3" [Server]
        "implementations SHOULD assume that the polling operation will be controlled by the recipientInfo and transactionID rather than the contents of the messageData.";
    R48 Should "5.2" [Server, Client]
        "error recovery SHOULD be handled via a new PKCSReq rather than a resumed CertPoll.";
    R49 Must "3.3.2.1" [Server]
        "The reply MUST contain at least the requested certificate in the certificates field of the SignedData.";
    R50 Must "3.3.2.1" [Server]
        "The reply MUST contain the CRL in the crls field of the SignedData.";
    R51 Must "4.7.1" [Client]
        "Clients MUST validate the signature on the message before trusting any of its contents."
        untestable Client "an enrolment does not ask for the next CA; a client does that with another command";
    R52 Must "2.1.1" [Client]
        "A client MUST have the following information locally configured: […] The CA's fully qualified domain name or IP address. […] Any identification and/or authorisation information required by the CA before a certificate will be issued […] The identifying information that is used for authentication of the CA"
        untestable Client "the configuration of a client cannot be seen from outside; R22 tests that it authenticates the CA";
    R53 Should "3.5.2" [Client]
        "clients SHOULD ignore the text case when processing this message";
    R54 Must "3.5.2" [Server]
        "The response for a GetCACaps message is a list of CA capabilities, in plain text and in any order, separated by <CR><LF> or <LF> characters.";
    R55 Should "3.5.2" [Server]
        "If the CA supports none of the above capabilities, it SHOULD return an empty message."
        untestable Server "a CA that supports none of the capabilities cannot be told from one that supports some and does not say so";
    R56 Should "3.5.2" [Server, Client]
        "in the interests of interoperability the de facto universal standards of AES128-CBC and SHA-256 SHOULD be used";
    R57 May "3.3.2.1" [Client]
        "The reply MAY contain additional certificates";
    R58 Must "2.9" [Server, Client]
        "all SCEP implementations compliant with this specification MUST support […] communication of binary data via HTTP POST"
        untestable Client "R03 tests it: a client that supports POST must use it if the CA does";
    R59 Should "4.1" [Client]
        "Clients SHOULD set SCEPPATH to the fixed string \"/cgi-bin/pkiclient.exe\" unless directed to do otherwise by the CA."
        untestable Client "the path that a client would choose cannot be seen, because it is given the path";
    R60 Must "2.2" [Client]
        "If the CA certificate(s) have not previously been acquired by the client through some other means, the client MUST retrieve them before any PKI operation can be started.";
    R61 Should "2.2" [Client]
        "After the client gets the CA certificate, it SHOULD authenticate it in some manner unless this is deemed unnecessary";
    R62 Must "2.1.2" [Client]
        "the client is expected to perform signature verification and optionally encryption using the CA certificate";
    R63 Should "2.3" [Client]
        "The self-signed certificate SHOULD use the same subject name and key as in the PKCS #10 request.";
    R64 Should "2.4" [Client]
        "Inclusion of the challengePassword by the SCEP client is RECOMMENDED";
    R65 Should "2.4" [Server]
        "It is RECOMMENDED that the challengePassword be a one-time authenticator value";
    R66 Should "2.5" [Client]
        "The client SHOULD use a new keypair when requesting a new certificate";
    R67 Must "2.3" [Server]
        "If the key being certified allows encryption, then the CA's CertResp will use the same certificate's public key when encrypting the response.";
    R68 Must "3.1" [Server, Client]
        "If the key is encryption capable (for example, RSA), then the messageData is encrypted using the recipient's public key with the CMS KeyTransRecipientInfo mechanism.";
    R69 Must "3.1" [Server, Client]
        "If the key is not encryption capable (for example, DSA or ECDSA), then the messageData is encrypted using the challengePassword with the CMS PasswordRecipientInfo mechanism."
        untestable Server "Sceplab signs its requests with RSA keys alone, and can make and open no PasswordRecipientInfo"
        untestable Client "the mock CA has RSA keys alone, and can make and open no PasswordRecipientInfo";
    R70 Must "3.2.1.3" [Client]
        "PKI status values not defined above MUST be treated as errors unless their use has been negotiated through GetCACaps.";
    R71 Must "3.2.1.4" [Client]
        "Failure reasons not defined above MUST be treated as errors unless their use has been negotiated through GetCACaps.";
    R72 Should "3.2.1.4" [Client]
        "implementations SHOULD NOT assume that it has any type of machine-processable content"
        untestable Client "the conclusions that a client draws from the text cannot be seen from outside";
    R73 May "2.1.2" [Server]
        "A CA may enforce policies and apply them to certificate requests, and it may reject a request for any reason.";
    R74 Must "3.2.1.5" [Server, Client]
        "When a sender sends a PKI message to a recipient, a fresh senderNonce MUST be included in the message."
        untestable Server "§3.2.1.5 also says that there is just a single nonce, that of the request, so a CA may do without its own";
    R75 Must "2.5.1" [Client]
        "If the CA returns a CertRep message with pkiStatus set to FAILURE or there is no response, then the state reverts back to CERT-NONEXISTENT.";
    R76 Must "4.4" [Client]
        "When the client receives a CertRep message with pkiStatus set to PENDING, it will enter the polling state by periodically sending CertPoll messages to the CA until either the request is granted and the certificate is sent back or the request is rejected or some preconfigured time limit for polling or maximum number of polls is exceeded.";
    R77 Should "4.4" [Client]
        "the client SHOULD NOT have multiple requests outstanding at any one time, since this tends to confuse some CAs";
    R78 Must "3.3.3" [Client]
        "The issuer is set to the subjectName of the CA (in other words, the intended issuerName of the certificate that's being requested). The subject is set to the subjectName used when requesting the certificate.";
    R79 Must "4.3.1" [Server]
        "If the request is rejected, a CertRep FAILURE message is returned.";
    R80 Must "3.5.2" [Server]
        "CA supports the Renewal CA operation.";
    R81 Must "4.7.1" [Server]
        "The response consists of a SignedData CMS message, signed by the current CA signing key.";
    R82 Must "4.2" [Client]
        "The OPERATION MUST be set to \"GetCACert\".";
    R83 May "2.4" [Server]
        "Inclusion is OPTIONAL for renewal requests that are authenticated by being signed with an existing certificate.";
    R84 Should "3.3.4" [Client]
        "Implementations SHOULD prefer HTTP certificate-store access [RFC4387] or LDAP over the use of these messages."
        untestable Client "an enrolment asks for no other certificate and for no revocation list";
    R85 Must "2.4" [Server]
        "When utilising the challengePassword, the CA distributes a shared secret to the client, which will be used to authenticate the request from the client.";
}
