//! HTTP by hand, so that the tests need no crate that the workspace has not got; use the HTTP library that you have.

use std::{
    error::Error,
    io::{Read, Write},
    net::TcpStream,
};

use scep::http::{HttpRequest, HttpResponse};

/// Sends a request over a connection that ends with the response.
pub(crate) fn send(url: &str, request: &HttpRequest) -> Result<HttpResponse, Box<dyn Error>> {
    let address = url.strip_prefix("http://").ok_or("the URL does not begin with http://")?;
    let (host, path) = address.split_once('/').unwrap_or((address, ""));
    let (method, query, length) = (request.method.as_str(), &request.query, request.body.len());
    let mut stream = TcpStream::connect(host)?;
    write!(stream, "{method} /{path}?{query} HTTP/1.1\r\nHost: {host}\r\n")?;
    if let Some(content_type) = &request.content_type {
        write!(stream, "Content-Type: {content_type}\r\n")?;
    }
    write!(stream, "Content-Length: {length}\r\nConnection: close\r\n\r\n")?;
    stream.write_all(&request.body)?;
    let mut response = Vec::new();
    stream.read_to_end(&mut response)?;
    read(&response)
}

fn read(response: &[u8]) -> Result<HttpResponse, Box<dyn Error>> {
    let end = response.windows(4).position(|four| four == b"\r\n\r\n").ok_or("no response")?;
    let mut lines = std::str::from_utf8(&response[..end])?.lines();
    let status = lines.next().and_then(|line| line.split(' ').nth(1)).ok_or("no status")?;
    let fields = lines.filter_map(|line| line.split_once(": "));
    let mut content_types = fields.filter(|(name, _)| name.eq_ignore_ascii_case("content-type"));
    Ok(HttpResponse {
        status: status.parse()?,
        content_type: content_types.next().map(|(_, value)| value.to_owned()),
        body: response[end + 4..].to_vec(),
    })
}
