/** The one entry of `wgsl_reflect` that Node loads as an ES module comes without declarations: they are the package's. */
declare module "wgsl_reflect/wgsl_reflect.module.js" {
  export * from "wgsl_reflect";
}
