//! The source of the crate `store`: its constants, macros, functions and calls, each with what names mean there.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use proc_macro2::{TokenStream, TokenTree};
use syn::visit::{self, Visit};
use syn::{Attribute, Block, Expr, Pat, Signature};

/// What a local name stands for.
pub(super) enum Meaning {
    /// What `let` bound it to or a loop goes through, or one place of that tuple.
    Bound(Expr, Option<usize>),
    /// A parameter: what callers give for it.
    Parameter(Parameter),
    /// What no text is made of.
    Other,
}

/// A parameter of a function; `self` counts for none.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Parameter {
    pub(super) function: String,
    pub(super) at: usize,
    pub(super) of: usize,
}

/// The local names at a place of the source, the newest first.
#[derive(Clone, Default)]
pub(super) struct Names(Option<Rc<Name>>);

pub(super) struct Name {
    name: String,
    pub(super) meaning: Meaning,
    /// The names that were known when it was bound.
    pub(super) before: Names,
}

impl Names {
    pub(super) fn find(&self, name: &str) -> Option<&Name> {
        let newest = self.0.as_deref()?;
        if newest.name == name { Some(newest) } else { newest.before.find(name) }
    }

    /// The parameter bound last, of the function around the place.
    pub(super) fn parameter(&self) -> Option<&Parameter> {
        let newest = self.0.as_deref()?;
        match &newest.meaning {
            Meaning::Parameter(parameter) => Some(parameter),
            _ => newest.before.parameter(),
        }
    }

    fn with(&self, name: String, meaning: Meaning) -> Self {
        Self(Some(Rc::new(Name { name, meaning, before: self.clone() })))
    }

    /// With the names of a pattern; `of` gives the meaning of the whole, or of one place of a tuple.
    pub(super) fn matching(self, pattern: &Pat, of: &dyn Fn(Option<usize>) -> Meaning) -> Self {
        match pattern {
            Pat::Type(typed) => self.matching(&typed.pat, of),
            Pat::Ident(ident) => self.with(ident.ident.to_string(), of(None)),
            Pat::Tuple(tuple) => tuple.elems.iter().enumerate().fold(self, |names, (at, element)| {
                names.matching(element, &|within| match within {
                    None => of(Some(at)),
                    Some(_) => Meaning::Other,
                })
            }),
            _ => self,
        }
    }
}

/// A place of the source.
#[derive(Clone)]
pub(super) struct Place {
    pub(super) file: usize,
    pub(super) names: Names,
}

/// A call of a function or method, `self` not among its arguments.
pub(super) struct Call {
    pub(super) name: String,
    pub(super) arguments: Vec<Expr>,
    pub(super) place: Place,
}

/// A constant: its name and its value.
pub(super) struct Constant(pub(super) String, pub(super) Expr);

/// A function with the names that it begins with.
pub(super) struct Function {
    pub(super) name: String,
    pub(super) body: Block,
    /// Whether it may end before its end.
    pub(super) has_return: bool,
    pub(super) place: Place,
}

/// A macro with its arms.
pub(super) struct Macro(pub(super) String, pub(super) TokenStream);

/// One file.
#[derive(Default)]
pub(super) struct File {
    pub(super) path: PathBuf,
    pub(super) constants: Vec<Constant>,
    pub(super) macros: Vec<Macro>,
    pub(super) functions: Vec<Function>,
    /// The literals that begin as statements do.
    pub(super) literals: BTreeSet<String>,
}

/// The whole crate, without its tests.
#[derive(Default)]
pub(super) struct Source {
    pub(super) files: Vec<File>,
    pub(super) calls: Vec<Call>,
}

impl Source {
    /// The crate whose `lib.rs` lies in this folder.
    pub(super) fn read(folder: &Path) -> Self {
        let mut source = Self::default();
        let mut modules = vec![PathBuf::from("lib.rs")];
        while let Some(path) = modules.pop() {
            let parsed = syn::parse_file(&std::fs::read_to_string(folder.join(&path)).unwrap()).unwrap();
            let place = Place { file: source.files.len(), names: Names::default() };
            source.files.push(File { path: path.clone(), ..File::default() });
            let mut reader = Reader { source: &mut source, place, modules: Vec::new() };
            reader.visit_file(&parsed);
            let is_root = path.ends_with("lib.rs") || path.ends_with("mod.rs");
            let below = if is_root { path.parent().unwrap().to_owned() } else { path.with_extension("") };
            modules.extend(reader.modules.iter().map(|name| {
                let file = below.join(format!("{name}.rs"));
                if folder.join(&file).exists() { file } else { below.join(name).join("mod.rs") }
            }));
        }
        source
    }

    /// The calls of the function that has this parameter.
    pub(super) fn callers(&self, parameter: &Parameter) -> Vec<&Call> {
        let is_one = |call: &&Call| call.name == parameter.function && call.arguments.len() == parameter.of;
        self.calls.iter().filter(is_one).collect()
    }
}

/// Whether a literal is a statement or the beginning of one.
fn is_statement(text: &str) -> bool {
    ["SELECT ", "INSERT ", "UPDATE ", "DELETE ", "WITH "].iter().any(|verb| text.starts_with(verb))
}

/// Goes through a file from its beginning to its end.
struct Reader<'a> {
    source: &'a mut Source,
    place: Place,
    /// The modules that it declares and that lie in files of their own.
    modules: Vec<String>,
}

impl Reader<'_> {
    fn file(&mut self) -> &mut File {
        &mut self.source.files[self.place.file]
    }

    /// Goes on with more names, and forgets them behind.
    fn within(&mut self, names: Names, go: impl FnOnce(&mut Self)) {
        let before = std::mem::replace(&mut self.place.names, names);
        go(self);
        self.place.names = before;
    }

    fn function(&mut self, attributes: &[Attribute], signature: &Signature, body: &Block) {
        if is_test(attributes) {
            return;
        }
        let name = signature.ident.to_string();
        let typed = signature.inputs.iter().filter_map(|input| match input {
            syn::FnArg::Typed(typed) => Some(&*typed.pat),
            syn::FnArg::Receiver(_) => None,
        });
        let patterns: Vec<&Pat> = typed.collect();
        let names = patterns.iter().enumerate().fold(Names::default(), |names, (at, pattern)| {
            names.matching(pattern, &|within| match within {
                None => Meaning::Parameter(Parameter { function: name.clone(), at, of: patterns.len() }),
                Some(_) => Meaning::Other,
            })
        });
        let place = Place { file: self.place.file, names: names.clone() };
        let mut returns = Returns(false);
        returns.visit_block(body);
        self.file().functions.push(Function { name, body: body.clone(), has_return: returns.0, place });
        self.within(names, |reader| reader.visit_block(body));
    }

    fn literals(&mut self, tokens: TokenStream) {
        for token in tokens {
            match token {
                TokenTree::Group(group) => self.literals(group.stream()),
                TokenTree::Literal(literal) => {
                    if let syn::Lit::Str(text) = syn::Lit::new(literal) {
                        self.visit_lit_str(&text);
                    }
                }
                _ => {}
            }
        }
    }
}

fn is_test(attributes: &[Attribute]) -> bool {
    let test = |attribute: &Attribute| {
        attribute.path().is_ident("cfg") && {
            attribute.parse_args::<syn::Path>().is_ok_and(|path| path.is_ident("test"))
        }
    };
    attributes.iter().any(test)
}

impl<'ast> Visit<'ast> for Reader<'_> {
    fn visit_attribute(&mut self, _: &'ast Attribute) {}

    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        if is_test(&item.attrs) {
            return;
        }
        if item.content.is_none() {
            self.modules.push(item.ident.to_string());
        }
        visit::visit_item_mod(self, item);
    }

    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        self.function(&item.attrs, &item.sig, &item.block);
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        self.function(&item.attrs, &item.sig, &item.block);
    }

    fn visit_item_const(&mut self, item: &'ast syn::ItemConst) {
        self.file().constants.push(Constant(item.ident.to_string(), (*item.expr).clone()));
        visit::visit_item_const(self, item);
    }

    fn visit_impl_item_const(&mut self, item: &'ast syn::ImplItemConst) {
        self.file().constants.push(Constant(item.ident.to_string(), item.expr.clone()));
        visit::visit_impl_item_const(self, item);
    }

    fn visit_item_macro(&mut self, item: &'ast syn::ItemMacro) {
        if let Some(name) = &item.ident {
            self.file().macros.push(Macro(name.to_string(), item.mac.tokens.clone()));
        }
        visit::visit_item_macro(self, item);
    }

    fn visit_macro(&mut self, invocation: &'ast syn::Macro) {
        self.literals(invocation.tokens.clone());
    }

    fn visit_lit_str(&mut self, literal: &'ast syn::LitStr) {
        let text = literal.value();
        if is_statement(&text) {
            self.file().literals.insert(text);
        }
    }

    fn visit_block(&mut self, block: &'ast Block) {
        self.within(self.place.names.clone(), |reader| visit::visit_block(reader, block));
    }

    fn visit_local(&mut self, local: &'ast syn::Local) {
        visit::visit_local(self, local);
        self.place.names = bound(std::mem::take(&mut self.place.names), local);
    }

    fn visit_expr_closure(&mut self, closure: &'ast syn::ExprClosure) {
        let names = opaque(self.place.names.clone(), closure.inputs.iter());
        self.within(names, |reader| visit::visit_expr_closure(reader, closure));
    }

    fn visit_arm(&mut self, arm: &'ast syn::Arm) {
        let names = opaque(self.place.names.clone(), [&arm.pat]);
        self.within(names, |reader| visit::visit_arm(reader, arm));
    }

    fn visit_expr_for_loop(&mut self, each: &'ast syn::ExprForLoop) {
        self.visit_expr(&each.expr);
        let element = |at| Meaning::Bound((*each.expr).clone(), at);
        let names = self.place.names.clone().matching(&each.pat, &element);
        self.within(names, |reader| reader.visit_block(&each.body));
    }

    fn visit_expr_call(&mut self, call: &'ast syn::ExprCall) {
        if let Expr::Path(function) = &*call.func
            && let Some(last) = function.path.segments.last()
        {
            let arguments = call.args.iter().cloned().collect();
            self.source.calls.push(Call {
                name: last.ident.to_string(),
                arguments,
                place: self.place.clone(),
            });
        }
        visit::visit_expr_call(self, call);
    }

    fn visit_expr_method_call(&mut self, call: &'ast syn::ExprMethodCall) {
        let arguments = call.args.iter().cloned().collect();
        self.source.calls.push(Call { name: call.method.to_string(), arguments, place: self.place.clone() });
        visit::visit_expr_method_call(self, call);
    }
}

/// Whether there is a `return`.
struct Returns(bool);

impl<'ast> Visit<'ast> for Returns {
    fn visit_expr_return(&mut self, _: &'ast syn::ExprReturn) {
        self.0 = true;
    }
}

/// With the names that a `let` binds.
pub(super) fn bound(names: Names, local: &syn::Local) -> Names {
    let meaning = |at| match &local.init {
        Some(init) => Meaning::Bound((*init.expr).clone(), at),
        None => Meaning::Other,
    };
    names.matching(&local.pat, &meaning)
}

/// With names that hold no text.
pub(super) fn opaque<'p>(names: Names, patterns: impl IntoIterator<Item = &'p Pat>) -> Names {
    patterns.into_iter().fold(names, |names, pattern| names.matching(pattern, &|_| Meaning::Other))
}
