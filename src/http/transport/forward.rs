//! Plain http through a proxy: the proxy gets the request itself, with the whole URL in its first
//! line (RFC 9112, 3.2.2), as curl does it. ureq would ask for a tunnel, which most proxies grant
//! to port 443 only.

use ureq::unversioned::transport::{Buffers, ConnectionDetails, Connector, NextTimeout, Transport};

/// Makes connections whose requests carry the whole URL.
#[derive(Debug)]
pub(in crate::http) struct AbsoluteForm;

impl<In: Transport> Connector<In> for AbsoluteForm {
    type Out = Forwarded<In>;

    fn connect(
        &self,
        details: &ConnectionDetails,
        chained: Option<In>,
    ) -> Result<Option<Self::Out>, ureq::Error> {
        let origin = details.uri.authority().map(|a| format!("http://{a}"));
        Ok(chained.zip(origin).map(|(inner, origin)| Forwarded {
            inner,
            origin,
            at_first_line: true,
        }))
    }
}

/// A connection to a proxy that forwards.
#[derive(Debug)]
pub(in crate::http) struct Forwarded<T> {
    inner: T,
    origin: String,
    /// Whether the next bytes begin a request. They do on a new connection, and after an answer:
    /// nothing is pipelined, and no request waits for a `100 Continue`.
    at_first_line: bool,
}

impl<T: Transport> Transport for Forwarded<T> {
    fn buffers(&mut self) -> &mut dyn Buffers {
        self.inner.buffers()
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), ureq::Error> {
        let mut total = amount;
        if std::mem::take(&mut self.at_first_line) {
            let output = self.inner.buffers().output();
            let too_long = || ureq::Error::Other("the request is too long for the proxy".into());
            let path = output[..amount].iter().position(|&b| b == b' ');
            let path = path.ok_or_else(too_long)? + 1;
            total += self.origin.len();
            if total > output.len() {
                return Err(too_long());
            }
            output.copy_within(path..amount, path + self.origin.len());
            output[path..path + self.origin.len()].copy_from_slice(self.origin.as_bytes());
        }
        self.inner.transmit_output(total, timeout)
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, ureq::Error> {
        self.at_first_line = true;
        self.inner.await_input(timeout)
    }

    fn is_open(&mut self) -> bool {
        self.inner.is_open()
    }

    fn is_tls(&self) -> bool {
        self.inner.is_tls()
    }
}
