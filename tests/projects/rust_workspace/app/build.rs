fn main() {
    let out = std::env::var("OUT_DIR").unwrap();
    std::fs::write(format!("{out}/made.rs"), "pub const MADE: i32 = 7;").unwrap();
    println!("cargo:rustc-env=STAMP=built");
    println!("cargo:rustc-cfg=fancy");
    println!("cargo:rustc-check-cfg=cfg(fancy)");
    println!("cargo:rerun-if-changed=build.rs");
}
