//! Macros that stand for pieces of statements, written out.

use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};

/// What an invocation stands for: the arm with as many parameters as there are arguments, where each parameter is a plain
/// `$name:kind`.
pub(super) fn expand(arms: &TokenStream, arguments: TokenStream) -> Option<TokenStream> {
    let arguments = separated(arguments);
    let groups: Vec<TokenStream> = arms
        .clone()
        .into_iter()
        .filter_map(|token| match token {
            TokenTree::Group(group) => Some(group.stream()),
            _ => None,
        })
        .collect();
    groups.chunks_exact(2).find_map(|arm| {
        let names: Vec<String> =
            separated(arm[0].clone()).into_iter().map(parameter).collect::<Option<_>>()?;
        (names.len() == arguments.len()).then(|| filled(arm[1].clone(), &names, &arguments))
    })
}

/// What stands between commas.
fn separated(tokens: TokenStream) -> Vec<TokenStream> {
    let mut parts: Vec<TokenStream> = Vec::new();
    let mut is_new = true;
    for token in tokens {
        if matches!(&token, TokenTree::Punct(mark) if mark.as_char() == ',') {
            is_new = true;
            continue;
        }
        if std::mem::take(&mut is_new) {
            parts.push(TokenStream::new());
        }
        parts.last_mut().unwrap().extend([token]);
    }
    parts
}

/// The name in `$name:kind`.
fn parameter(tokens: TokenStream) -> Option<String> {
    match tokens.into_iter().collect::<Vec<_>>().as_slice() {
        [TokenTree::Punct(dollar), TokenTree::Ident(name), TokenTree::Punct(_), TokenTree::Ident(_)]
            if dollar.as_char() == '$' =>
        {
            Some(name.to_string())
        }
        _ => None,
    }
}

/// A body with the arguments in the places of the parameters.
fn filled(body: TokenStream, names: &[String], arguments: &[TokenStream]) -> TokenStream {
    let mut filled_in = TokenStream::new();
    let mut tokens = body.into_iter().peekable();
    while let Some(token) = tokens.next() {
        let is_dollar = matches!(&token, TokenTree::Punct(mark) if mark.as_char() == '$');
        let named = tokens.peek().filter(|_| is_dollar).map(ToString::to_string);
        let named_crate = named.as_deref() == Some("crate");
        let at = named.and_then(|named| names.iter().position(|name| *name == named));
        filled_in.extend([match (at, token) {
            (Some(at), _) => {
                tokens.next();
                TokenTree::Group(Group::new(Delimiter::None, arguments[at].clone()))
            }
            (None, TokenTree::Group(group)) => {
                TokenTree::Group(Group::new(group.delimiter(), filled(group.stream(), names, arguments)))
            }
            // `$crate` is `crate` inside it.
            (None, TokenTree::Punct(_)) if named_crate => continue,
            (None, token) => token,
        }]);
    }
    filled_in
}
