//! As much of HTTP/1.1 as the provider needs: one request and one answer per connection.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpStream;

use serde_json::Value;

/// The longest body that is read, in bytes.
const LONGEST_BODY: usize = 32 << 20;

/// A request, read to its end.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) method: String,
    /// The path without the query.
    pub(crate) path: String,
    pub(crate) query: String,
    headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Request {
    /// Reads one request.
    pub(crate) fn read(connection: &TcpStream) -> io::Result<Self> {
        let mut reader = BufReader::new(connection);
        let first = line(&mut reader)?;
        let mut words = first.split(' ');
        let (Some(method), Some(target)) = (words.next(), words.next()) else {
            return Err(malformed("the request line"));
        };
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let mut request = Self {
            method: method.to_owned(),
            path: path.to_owned(),
            query: query.to_owned(),
            headers: headers(&mut reader)?,
            body: Vec::new(),
        };
        request.body = request.read_body(&mut reader)?;
        Ok(request)
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    /// Returns a parameter of the query, which is taken as it stands.
    pub(crate) fn parameter(&self, name: &str) -> Option<&str> {
        self.query
            .split('&')
            .filter_map(|pair| pair.split_once('='))
            .find(|(key, _)| *key == name)
            .map(|(_, value)| value)
    }

    fn read_body(&self, reader: &mut impl BufRead) -> io::Result<Vec<u8>> {
        if self
            .header("transfer-encoding")
            .is_some_and(|coding| coding.eq_ignore_ascii_case("chunked"))
        {
            return chunks(reader);
        }
        let length = match self.header("content-length") {
            Some(text) => text.parse().map_err(|_| malformed("content-length"))?,
            None => 0,
        };
        exactly(reader, length)
    }
}

/// Writes an answer and ends the connection's sending half.
pub(crate) fn answer(
    mut connection: &TcpStream,
    status: u16,
    headers: &[(&str, String)],
    body: Option<&Value>,
) -> io::Result<()> {
    let body = body.map(Value::to_string).unwrap_or_default();
    let mut head = format!("HTTP/1.1 {status} \r\nconnection: close\r\n");
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    if status != 204 {
        head.push_str(&format!(
            "content-type: application/json\r\ncontent-length: {}\r\n",
            body.len()
        ));
    }
    head.push_str("\r\n");
    connection.write_all(head.as_bytes())?;
    connection.write_all(body.as_bytes())?;
    connection.flush()
}

fn headers(reader: &mut impl BufRead) -> io::Result<Vec<(String, String)>> {
    let mut headers = Vec::new();
    loop {
        let line = line(reader)?;
        if line.is_empty() {
            return Ok(headers);
        }
        let (name, value) = line.split_once(':').ok_or_else(|| malformed("a header"))?;
        headers.push((name.to_owned(), value.trim().to_owned()));
    }
}

fn chunks(reader: &mut impl BufRead) -> io::Result<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let size = line(reader)?;
        let size = usize::from_str_radix(&size, 16).map_err(|_| malformed("a chunk's size"))?;
        let chunk = exactly(reader, size)?;
        line(reader)?;
        if size == 0 {
            return Ok(body);
        }
        body.extend(chunk);
        if body.len() > LONGEST_BODY {
            return Err(malformed("the body's length"));
        }
    }
}

fn exactly(reader: &mut impl Read, length: usize) -> io::Result<Vec<u8>> {
    if length > LONGEST_BODY {
        return Err(malformed("the body's length"));
    }
    let mut bytes = vec![0; length];
    reader.read_exact(&mut bytes)?;
    Ok(bytes)
}

/// Reads one line without its end; the end of the stream instead of one is an error.
fn line(reader: &mut impl BufRead) -> io::Result<String> {
    let mut line = String::new();
    if reader.read_line(&mut line)? == 0 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}

fn malformed(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("{what} is malformed"))
}
