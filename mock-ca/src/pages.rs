//! Pages for people: those of NDES, and the bodies of errors.

use openssl::{error::ErrorStack, hash::MessageDigest, x509::X509Ref};

use crate::personality::ErrorPages;

/// A page of NDES (`mscep.dll` and `mscep_admin`).
pub(crate) enum NdesPage<'a> {
    /// The page at the address for devices, if the request names no operation.
    Plain,
    /// A page with a password for one request.
    OneTimePassword { thumbprint: &'a str, password: &'a str, minutes: u64 },
    /// A page with a password for all requests.
    SinglePassword { thumbprint: &'a str, password: &'a str },
    /// A page that gives no password, because none is needed.
    NoPassword { thumbprint: &'a str },
    /// A page that gives no password, because too many are unused.
    CacheFull { at_most: usize },
    /// A page that gives no password, because the caller may not enrol.
    NoPermission,
}

const HEAD: &str = concat!(
    "<HTML><Head><Meta HTTP-Equiv=\"Content-Type\" Content=\"text/html; charset=UTF-8\">",
    "<Title>Network Device Enrollment Service</Title></Head><Body BgColor=#FFFFFF>",
    "<Font ID=locPageFont Face=\"Arial\"><Table Border=0 CellSpacing=0 CellPadding=4 Width=100% ",
    "BgColor=#008080><TR><TD><Font ID=locPageTitleFont Face=\"Arial\" Size=-1 Color=#FFFFFF>",
    "<LocID ID=locMSCertSrv>Network Device Enrollment Service</LocID></Font></TD></TR></Table>",
    "<P ID=locPageTitle> Network Device Enrollment Service allows you to obtain certificates for ",
    "routers or other network devices using the Simple Certificate Enrollment Protocol (SCEP). </P> ",
);

const TAIL: &str = concat!(
    " <P ID=locPageDesc> For more information see  ",
    "<A HREF=http://go.microsoft.com/fwlink/?LinkId=67852>Using Network Device Enrollment Service ",
    "</A>. </P></Font></Body></HTML>",
);

const PLAIN: &str = concat!(
    "<P> This URL is used by network devices to submit certificate requests. </P> ",
    "<P> To obtain an enrollment challenge password, go to the admin URL. By default, the admin URL is ",
    "http://ndes-server/CertSrv/mscep_admin </P>",
);

const NO_PERMISSION: &str = concat!(
    "<P> You do not have sufficient permission to enroll with SCEP.  ",
    "Please contact your system administrator. </P>",
);

impl NdesPage<'_> {
    /// The page's text.
    pub(crate) fn text(&self) -> String {
        let middle = match self {
            Self::Plain => PLAIN.to_owned(),
            Self::OneTimePassword { thumbprint, password, minutes } => format!(
                "{}<P> This password can be used only once and will expire within {minutes} minutes. \
                 <P> Each enrollment requires a new challenge password. You can refresh this web page \
                 to obtain a new challenge password. </P>",
                with_password(thumbprint, password)
            ),
            Self::SinglePassword { thumbprint, password } => format!(
                "{}<P> This password can be used multiple times and will not expire. </P>",
                with_password(thumbprint, password)
            ),
            Self::NoPassword { thumbprint } => with_thumbprint(thumbprint) + "</P>",
            Self::CacheFull { at_most } => cache_full(*at_most),
            Self::NoPermission => NO_PERMISSION.to_owned(),
        };
        [HEAD, &middle, TAIL].concat()
    }

    /// The page as it is sent: little-endian UTF-16 with a byte order mark, although its head says UTF-8.
    pub(crate) fn body(&self) -> Vec<u8> {
        let text = self.text();
        let units = std::iter::once(0xfeff).chain(text.encode_utf16());
        units.flat_map(u16::to_le_bytes).collect()
    }
}

fn with_thumbprint(thumbprint: &str) -> String {
    format!(
        "<P> To complete certificate enrollment for your network device you will need the following \
         information: <P> The thumbprint (hash value) for the CA certificate is: <B> {thumbprint} </B> "
    )
}

fn with_password(thumbprint: &str, password: &str) -> String {
    let thumbprint = with_thumbprint(thumbprint);
    format!("{thumbprint}<P> The enrollment challenge password is: <B> {password} </B> ")
}

fn cache_full(at_most: usize) -> String {
    format!(
        "<P> The password cache is full. <P> Network Device Enrollment Service stores unused password \
         for later use. By default, passwords are stored for 60 minutes.<P>Use one of the existing \
         passwords. If you cannot use an existing password: <UL> <LI> Wait until one or more existing \
         passwords expire (by default passwords expire 60 minutes after they are created). </LI> <LI> \
         Restart Internet Information Services (IIS). </LI> <LI> Configure the service to cache more \
         than {at_most} passwords. </LI> </UL> </P>"
    )
}

/// The MD5 digest of a certificate in four groups of upper-case digits.
pub(crate) fn thumbprint(certificate: &X509Ref) -> Result<String, ErrorStack> {
    let digest = certificate.digest(MessageDigest::md5())?;
    Ok(digest.chunks(4).map(hex::encode_upper).collect::<Vec<_>>().join(" "))
}

/// The content type and body of an error.
pub(crate) fn error(pages: ErrorPages, status: u16, reason: &str) -> (&'static str, Vec<u8>) {
    match (pages, status) {
        (ErrorPages::Text, 404) => (TEXT, b"404 page not found\n".to_vec()),
        (ErrorPages::Text, _) => (TEXT, reason.as_bytes().to_vec()),
        (ErrorPages::Html, _) => ("text/html", html_error(status).into_bytes()),
    }
}

const TEXT: &str = "text/plain; charset=utf-8";

/// An error page of IIS: the status without a reason.
fn html_error(status: u16) -> String {
    let title = match status {
        301 => "301 - Object moved.",
        401 => "401 - Unauthorized: Access is denied due to invalid credentials.",
        400 => "400 - Bad request.",
        404 => "404 - File or directory not found.",
        405 => "405 - HTTP verb used to access this page is not allowed.",
        413 => "413 - Request entity too large.",
        503 => "503 - Service unavailable.",
        _ => "500 - Internal server error.",
    };
    format!(
        "<!DOCTYPE html PUBLIC \"-//W3C//DTD XHTML 1.0 Strict//EN\" \
         \"http://www.w3.org/TR/xhtml1/DTD/xhtml1-strict.dtd\">\r\n\
         <html xmlns=\"http://www.w3.org/1999/xhtml\">\r\n<head>\r\n<title>{title}</title>\r\n</head>\r\n\
         <body>\r\n<div id=\"header\"><h1>Server Error</h1></div>\r\n\
         <div id=\"content\"><h2>{title}</h2></div>\r\n</body>\r\n</html>\r\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_utf16_with_a_byte_order_mark() {
        let body = NdesPage::Plain.body();
        assert_eq!(body[..4], [0xff, 0xfe, b'<', 0]);
        let units = body.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]]));
        let text = String::from_utf16(&units.skip(1).collect::<Vec<_>>()).unwrap();
        assert_eq!(text, NdesPage::Plain.text());
        assert!(
            text.contains("This URL is used by network devices to submit certificate requests.")
        );
    }

    #[test]
    fn password_is_at_the_place_where_scrapers_look_for_it() {
        let text = NdesPage::OneTimePassword {
            thumbprint: "A656FA66 AB12B433 A2DA5CF7 CC153D9A",
            password: "8CE317021F690069",
            minutes: 60,
        }
        .text();
        assert!(text.contains(
            "is: <B> A656FA66 AB12B433 A2DA5CF7 CC153D9A </B> <P> The enrollment challenge password is: \
             <B> 8CE317021F690069 </B> <P> This password can be used only once and will expire within 60 \
             minutes. <P> Each enrollment"
        ));
    }

    #[test]
    fn other_pages_have_the_texts_of_ndes() {
        let single = NdesPage::SinglePassword { thumbprint: "", password: "x" }.text();
        assert!(
            single
                .contains("</B> <P> This password can be used multiple times and will not expire.")
        );
        let full = NdesPage::CacheFull { at_most: 5 }.text();
        assert!(full.contains("<P> The password cache is full. <P>"));
        assert!(full.contains("cache more than 5 passwords. </LI> </UL> </P> <P ID=locPageDesc>"));
        assert!(NdesPage::NoPermission.text().contains("enroll with SCEP.  Please contact"));
    }
}
