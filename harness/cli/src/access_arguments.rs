//! Options that say how a command reaches real servers.

use std::env;

use clap::Args;
use model::scep_url::ScepUrl;
use testbed::access::Access;
use transport::proxy::{Exemptions, Proxies, Proxy, ProxyFailure};

use crate::exit::{CommandError, Exit};
use crate::output::{hide, warn};
use crate::tls_arguments::TlsArguments;

/// How servers are reached.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct AccessArguments {
    /// Send requests through this HTTP proxy, `http://[USER:PASSWORD@]HOST[:PORT]`, or through none, if it is `none` [default: the variables
    /// `http_proxy`, `https_proxy` and `no_proxy`]
    #[arg(long, value_name = "URL", value_parser = chosen)]
    proxy: Option<Chosen>,
    #[command(flatten)]
    tls: TlsArguments,
}

/// The value of `--proxy`.
#[derive(Clone, Debug)]
enum Chosen {
    None,
    One(Box<Proxy>),
}

fn chosen(text: &str) -> Result<Chosen, String> {
    if text == "none" {
        return Ok(Chosen::None);
    }
    let proxy = text.parse().map_err(|error: transport::proxy::NoSuchProxy| error.to_string())?;
    Ok(Chosen::One(Box::new(proxy)))
}

impl AccessArguments {
    /// The option that is given, if one is.
    pub(crate) fn given(&self) -> Option<&'static str> {
        self.proxy.as_ref().map(|_| "--proxy").or_else(|| self.tls.given())
    }

    /// How servers with these addresses are reached. Says which go through a proxy, and loudly if one is not verified.
    ///
    /// # Errors
    /// If a file or a variable cannot be used, or an option has no effect.
    pub(crate) async fn access<'a>(
        &self,
        urls: impl IntoIterator<Item = &'a ScepUrl>,
    ) -> Result<Access, CommandError> {
        let urls: Vec<&ScepUrl> = urls.into_iter().collect();
        let tls = self.tls.client(urls.iter().copied()).await?;
        let proxies = self.proxies().map_err(|reason| Exit::Usage.because(reason))?;
        for proxy in proxies.http.iter().chain(&proxies.https) {
            hide(proxy.secrets());
        }
        let mut told: Vec<String> = Vec::new();
        for (url, proxy) in urls.iter().filter_map(|url| Some((url, proxies.of(url)?))) {
            let source = self.source(url);
            let line = format!(
                "note: requests to {} go through the proxy {proxy} ({source})",
                url.authority()
            );
            if !told.contains(&line) {
                warn(&line);
                told.push(line);
            }
        }
        let access = Access { tls, proxies };
        if let Some(warning) = access.warning() {
            warn(&format!("warning: {warning}"));
        }
        Ok(access)
    }

    fn proxies(&self) -> Result<Proxies, String> {
        match &self.proxy {
            Some(Chosen::None) => Ok(Proxies::default()),
            Some(Chosen::One(proxy)) => Ok(Proxies::one((**proxy).clone())),
            None => of_environment(),
        }
    }

    /// Where the proxy for a URL is named.
    fn source(&self, url: &ScepUrl) -> String {
        if self.proxy.is_some() {
            return "`--proxy`".to_owned();
        }
        let name = variable(url.scheme().as_str()).map(|(name, _)| name);
        format!("`{}`; `--proxy none` goes without", name.unwrap_or_default())
    }
}

/// The proxies of the environment.
fn of_environment() -> Result<Proxies, String> {
    let without = named("no_proxy").map(|(_, text)| text).unwrap_or_default();
    let of = |scheme: &str| match variable(scheme) {
        Some((name, text)) => {
            let read = text.parse::<Proxy>();
            read.map(Some).map_err(|error| format!("the variable `{name}` cannot be used: {error}"))
        }
        None => Ok(None),
    };
    Ok(Proxies {
        http: of("http")?,
        https: of("https")?,
        without: Exemptions::of_variable(&without),
    })
}

/// The variable with the proxy for a scheme, and its value.
fn variable(scheme: &str) -> Option<(String, String)> {
    named(&format!("{scheme}_proxy"))
}

/// A variable by its name in lower or else in upper case, if it is not empty.
fn named(name: &str) -> Option<(String, String)> {
    [name.to_owned(), name.to_uppercase()].into_iter().find_map(|name| {
        let value = env::var(&name).ok().filter(|value| !value.is_empty())?;
        Some((name, value))
    })
}

/// What to do about a proxy that makes no tunnel.
pub(crate) fn advice(failure: &ProxyFailure) -> &'static str {
    match failure {
        ProxyFailure::LoginWanted(_) => {
            "write user and password before the host in the proxy's URL, as `sceplab health --help` shows it for `--proxy`; they are sent by Basic"
        }
        ProxyFailure::LoginRefused(_) => {
            "compare user and password in the proxy's URL; of logins, Basic is supported"
        }
        ProxyFailure::Refused { .. } => {
            "the proxy refuses this host or port, or does not reach it; if the server can be reached without it, type `--proxy none`"
        }
        ProxyFailure::NoProxy(_) | ProxyFailure::Closed | ProxyFailure::TooLong(_) => {
            "probably no HTTP proxy listens there: compare `--proxy` or the variables `http_proxy` and `https_proxy`"
        }
        ProxyFailure::TimedOut(_) | ProxyFailure::Broken(_) => {
            "probably the proxy does not reach the server; if it can be reached without it, type `--proxy none`"
        }
    }
}
