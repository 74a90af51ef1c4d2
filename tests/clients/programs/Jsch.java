// JSch 0.1.54 (Debian libjsch-java): see README.txt. Run as source: java -cp /usr/share/java/jsch.jar Jsch.java ...
import com.jcraft.jsch.ChannelSftp;
import com.jcraft.jsch.JSch;
import com.jcraft.jsch.Session;
import com.jcraft.jsch.SftpException;
import java.io.BufferedReader;
import java.io.InputStreamReader;

public class Jsch {
    public static void main(String[] a) throws Exception {
        JSch jsch = new JSch();
        jsch.addIdentity(a[3]);
        Session session = jsch.getSession(a[2], a[0], Integer.parseInt(a[1]));
        session.setConfig("StrictHostKeyChecking", "no");
        session.connect(20000);
        ChannelSftp sftp = (ChannelSftp) session.openChannel("sftp");
        sftp.connect(20000);
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in));
        int failed = 0;
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            String[] w = line.split("\t");
            String out = "";
            try {
                switch (w[0]) {
                    case "list":
                        for (Object entry : sftp.ls(w[1])) out += ((ChannelSftp.LsEntry) entry).getFilename() + " ";
                        break;
                    case "put": sftp.put(w[1], w[2]); break;
                    case "get": sftp.get(w[1], w[2]); break;
                    case "rename": sftp.rename(w[1], w[2]); break;
                    case "remove": sftp.rm(w[1]); break;
                    case "touch": sftp.setMtime(w[1], 1518426000); sftp.chmod(0640, w[1]); break;
                    case "stat": sftp.stat(w[1]); break;
                }
                System.out.println("ok " + out);
            } catch (SftpException error) {
                failed = 1;
                System.out.println("error " + error.id + " " + error.getMessage());
            }
        }
        session.disconnect();
        System.exit(failed);
    }
}
