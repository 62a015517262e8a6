//! A browser of a kind: it keeps cookies, fills in forms, and follows nothing by itself.

use std::collections::BTreeMap;

use testkit::{Answer, Call, Server};

pub(super) struct Browser<'a> {
    server: &'a Server,
    pub(super) cookies: BTreeMap<String, String>,
}

impl<'a> Browser<'a> {
    pub(super) fn new(server: &'a Server) -> Self {
        Self { server, cookies: BTreeMap::new() }
    }

    pub(super) async fn get(&mut self, path: &str) -> Answer {
        let call = self.with_cookies(self.server.get(path));
        self.send(call).await
    }

    pub(super) async fn post(&mut self, path: &str, form: &[(&str, &str)]) -> Answer {
        let call = self.with_cookies(self.server.post(path)).form(form);
        self.send(call).await
    }

    /// A call with this browser's cookies.
    pub(super) fn with_cookies(&self, call: Call) -> Call {
        let cookies: Vec<_> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        if cookies.is_empty() { call } else { call.header("Cookie", &cookies.join("; ")) }
    }

    /// Sends it and keeps the cookies that come back.
    pub(super) async fn send(&mut self, call: Call) -> Answer {
        let answer = call.await;
        for cookie in answer.headers.get_all("set-cookie") {
            let cookie = cookie.to_str().unwrap();
            let (name, value) = cookie.split(';').next().unwrap().split_once('=').unwrap();
            if cookie.contains("Max-Age=0") {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        answer
    }

    /// Opens the login page and fills it in.
    pub(super) async fn sign_in(&mut self, login: &str, password: &str) -> Answer {
        let page = self.get("/login").await;
        self.fill_in(&page, login, password).await
    }

    /// Fills a login page in.
    pub(super) async fn fill_in(&mut self, page: &Answer, login: &str, password: &str) -> Answer {
        let (form, next) = (hidden(page, "form"), hidden(page, "next"));
        let fields = [("form", form.as_str()), ("next", &next), ("login", login), ("password", password)];
        self.post("/login", &fields).await
    }
}

/// The value of a field that a page does not show.
#[track_caller]
pub(super) fn hidden(page: &Answer, name: &str) -> String {
    between(page, &format!("name=\"{name}\" value=\""))
}

/// Where a page goes on to.
#[track_caller]
pub(super) fn next(page: &Answer) -> String {
    between(page, "<meta http-equiv=\"refresh\" content=\"0; url=")
}

#[track_caller]
fn between(page: &Answer, front: &str) -> String {
    let html = page.text();
    let (_, rest) = html.split_once(front).unwrap_or_else(|| panic!("no {front} in {html}"));
    unescaped(rest.split('"').next().unwrap())
}

fn unescaped(html: &str) -> String {
    let entities =
        [("&#38;", "&"), ("&amp;", "&"), ("&#34;", "\""), ("&#39;", "'"), ("&#60;", "<"), ("&#62;", ">")];
    entities.iter().fold(html.to_owned(), |text, (entity, plain)| text.replace(entity, plain))
}
