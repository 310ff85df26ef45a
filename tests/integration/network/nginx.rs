//! A real nginx in front of the control plane, as gateways of private networks have it.

use std::fs;
use std::net::TcpStream;
use std::process::{Child, Command};

use crate::certificates::certificate;
use crate::harness::run::wait_until;
use crate::harness::skip::skipped;
use crate::harness::world::{Run, World};
use crate::network::tls::{fails, own_port};
use crate::ports::free_port;

/// Lets nobody through without a certificate, and speaks this version of TLS alone.
struct Nginx(Child);

impl Nginx {
    /// `None` if it is not installed.
    fn start(world: &World, version: &str) -> Option<(Self, u16)> {
        let mut programs = ["nginx", "/usr/sbin/nginx"].into_iter();
        let program = programs.find(|name| Command::new(name).arg("-v").output().is_ok())?;
        let (port, plane) = (free_port(), own_port(world));
        let folder = world.outside("nginx");
        fs::create_dir_all(&folder).unwrap();
        let [shown, key, issuer] = ["valid.pem", "server.key", "ca.pem"]
            .map(|name| certificate(name).display().to_string());
        let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .map(|of| format!("{of}_temp_path {of};\n"))
            .concat();
        let config = format!(
            "daemon off; master_process off; pid pid; error_log errors;
            events {{}}
            http {{
                access_log off;
                {temporary}
                server {{
                    listen 127.0.0.1:{port} ssl;
                    ssl_protocols {version};
                    ssl_certificate {shown};
                    ssl_certificate_key {key};
                    ssl_client_certificate {issuer};
                    ssl_verify_client on;
                    location / {{ proxy_pass http://127.0.0.1:{plane}; }}
                }}
            }}"
        );
        fs::write(folder.join("nginx.conf"), config).unwrap();
        let mut command = Command::new(program);
        command.arg("-p").arg(&folder).args(["-e", "errors", "-c", "nginx.conf"]);
        let nginx = Self(command.spawn().unwrap());
        wait_until("nginx listens", || TcpStream::connect(("127.0.0.1", port)).is_ok());
        Some((nginx, port))
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

fn refresh<'w>(world: &'w World, port: u16, shown: Option<&str>) -> Run<'w> {
    let run = world.ntcli(&["token", "refresh"]).env("SSL_CERT_FILE", certificate("ca.pem"));
    let run = run.env("NTCLI_API_URL", format!("https://localhost:{port}"));
    match shown {
        Some(shown) => run
            .env("NTCLI_CLIENT_CERT", certificate(shown))
            .env("NTCLI_CLIENT_KEY", certificate("client.key")),
        None => run,
    }
}

#[test]
fn nobody_gets_through_without_a_certificate() {
    let (world, workspace) = World::ready();
    for version in ["TLSv1.2", "TLSv1.3"] {
        let Some((_nginx, port)) = Nginx::start(&world, version) else {
            return skipped("nginx is not installed");
        };
        world.plane.clear_requests();
        let output = refresh(&world, port, None).run();
        let hint = "Hint: export NTCLI_CLIENT_CERT=/path/to/client.pem";
        let words = "the server answered 400: it wants a client certificate; ";
        fails(&world, &output, 2, &[words, "No required SSL certificate was sent", hint]);
        let output = refresh(&world, port, Some("client-expired.pem")).run();
        fails(&world, &output, 1, &["400", "The SSL certificate error"]);
        refresh(&world, port, Some("client.pem")).run().exits(0).says_only("");
        world.assert_one_live_token(&workspace);
    }
}
