# stl_registry(TARGET KIND FILES...): write the table of drivers, one for each file.
# core/KIND/NAME.c defines `const stl_KIND_driver stl_KIND_driver_NAME`; the table is
# `const stl_KIND_driver *const stl_KIND_drivers[]`, ended by NULL.
function(stl_registry target kind)
    set(externs "")
    set(rows "")
    foreach(file IN LISTS ARGN)
        get_filename_component(name ${file} NAME_WE)
        string(APPEND externs "extern const stl_${kind}_driver stl_${kind}_driver_${name};\n")
        string(APPEND rows "    &stl_${kind}_driver_${name},\n")
    endforeach()
    set(out ${CMAKE_CURRENT_BINARY_DIR}/${kind}_registry.c)
    file(CONFIGURE OUTPUT ${out} CONTENT
"/* The ${kind} drivers, one for each file of core/${kind}. Written by the build. */
#include \"${kind}/${kind}_driver.h\"

${externs}
const stl_${kind}_driver *const stl_${kind}_drivers[] = {
${rows}    NULL,
};
" @ONLY)
    target_sources(${target} PRIVATE ${out})
endfunction()
