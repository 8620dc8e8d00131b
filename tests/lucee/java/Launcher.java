import java.io.File;
import org.apache.catalina.Context;
import org.apache.catalina.Wrapper;
import org.apache.catalina.startup.Tomcat;

/**
 * One Lucee in one Tomcat on a free port of 127.0.0.1: {@code Launcher WORK PAGES SERVLET}. Says the port, and ends when its
 * input ends, so that it never outlives the test that started it.
 */
public class Launcher {
  public static void main(String[] arguments) throws Exception {
    File work = new File(arguments[0]);
    Tomcat tomcat = new Tomcat();
    tomcat.setBaseDir(new File(work, "tomcat").getPath());
    tomcat.setPort(0);
    tomcat.getConnector().setProperty("address", "127.0.0.1");
    Context context = tomcat.addContext("", new File(arguments[1]).getAbsolutePath());
    context.setParentClassLoader(Launcher.class.getClassLoader());
    Wrapper lucee = Tomcat.addServlet(context, "CFML", arguments[2]);
    lucee.addInitParameter("lucee-server-directory", new File(work, "server").getPath());
    lucee.addInitParameter("lucee-web-directory", new File(work, "web").getPath());
    lucee.setLoadOnStartup(1);
    context.addServletMappingDecoded("*.cfm", "CFML");
    tomcat.start();
    System.out.println("PORT " + tomcat.getConnector().getLocalPort());
    System.out.flush();
    while (System.in.read() >= 0) {
      // Nothing is ever written here; only the end counts.
    }
    Runtime.getRuntime().halt(0);
  }
}
