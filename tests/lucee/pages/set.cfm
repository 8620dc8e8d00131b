<cfset session[url.name] = url.value>ok
